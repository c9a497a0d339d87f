namespace Specializer.Calibration;

/// <summary>A few output channels that are rounded in step: H is read once for all of them, and it is H that does not fit a cache. Each channel's result is that of rounding it alone.</summary>
/// <remarks>Products with H are made twice, Hw and, by way of its factor, He; everything after is an update of these: a changed integer adds a row of H to He, and a changed scale
/// s takes He = Hw − s·Hq along, with Hq = (Hw − He)/s as it was before.</remarks>
internal sealed class RoundedRows
{
    /// <summary>Channels that are rounded in step.</summary>
    public const int Most = 8;

    private const int Refinements = 3;
    private const int Sweeps = 8;

    private readonly float[] _weights, _scales = new float[Most];
    private readonly sbyte[] _values;
    private readonly HessianBlock[] _blocks;
    private readonly int _limit, _columns;
    private readonly double[][] _errors, _gradients, _targets; // e, He and Hw.
    private int _first, _count;

    /// <summary>Makes room for channels of a layer, some after others.</summary>
    /// <param name="weights">[outputs, K] of the layer.</param>
    /// <param name="values">Receives the integers.</param>
    /// <param name="blocks">Of H.</param>
    /// <param name="limit">Largest integer.</param>
    public RoundedRows(float[] weights, sbyte[] values, HessianBlock[] blocks, int limit)
    {
        (_weights, _values, _blocks, _limit) = (weights, values, blocks, limit);
        _columns = blocks[^1].First + blocks[^1].Size;
        (_errors, _gradients, _targets) = (Columns(), Columns(), Columns());

        double[][] Columns() => [.. Enumerable.Range(0, Most).Select(_ => new double[_columns])];
    }

    /// <summary>Rounds channels.</summary>
    /// <param name="first">The first.</param>
    /// <param name="scales">Where their scales start; receives where they end. One for each channel, <see cref="Most"/> at most.</param>
    public void Round(int first, Span<float> scales)
    {
        (_first, _count) = (first, scales.Length);
        scales.CopyTo(_scales);
        Multiply();
        NearestPlane();
        Refine();
        _scales.AsSpan(0, _count).CopyTo(scales);
    }

    /// <summary>A channel's w − ŵ.</summary>
    public double[] Error(int row) => _errors[row];

    /// <summary>eᵀHe of a channel.</summary>
    public double Loss(int row) => Cholesky.Dot(_errors[row], _gradients[row]);

    /// <summary>Rounds each weight to cancel what the errors of the columns before it left in its term.</summary>
    private void NearestPlane()
    {
        foreach (HessianBlock b in _blocks)
        {
            // Σ_{i<j} e_i·R_ij for the columns j still to come, and Rᵀe for those that were.
            foreach (double[] gradient in _gradients) Array.Clear(gradient, b.First, b.Size);
            for (int j = 0; j < b.Size; j++)
            {
                double pivot = b.Factor[j * b.Size + j];
                ReadOnlySpan<double> rest = b.Factor.AsSpan(j * b.Size + j, b.Size - j);
                for (int r = 0; r < _count; r++)
                {
                    Span<double> left = _gradients[r].AsSpan(b.First, b.Size);
                    Set(r, b.First + j, WeightScales.Nearest(Weight(r, b.First + j) + left[j] / pivot, _scales[r], _limit));
                    Cholesky.AddScaled(left[j..], _errors[r][b.First + j], rest);
                }
            }

            // R·Rᵀe. Row j of R begins at column j, so that what it replaces is not asked for again.
            for (int j = 0; j < b.Size; j++)
            {
                ReadOnlySpan<double> rest = b.Factor.AsSpan(j * b.Size + j, b.Size - j);
                for (int r = 0; r < _count; r++) _gradients[r][b.First + j] = Cholesky.Dot(rest, _gradients[r].AsSpan(b.First + j, b.Size - j));
            }
        }
    }

    /// <summary>Coordinate descent and scales in turn, until nothing is left to gain.</summary>
    private void Refine()
    {
        int[] rows = [.. Enumerable.Range(0, _count)];
        for (int round = 0; round < Refinements; round++)
        {
            Descend(rows);
            rows = Rescale(rows);
        }

        Descend(rows);
    }

    private float Weight(int row, int column) => _weights[(_first + row) * _columns + column];

    private void Set(int row, int column, int value)
    {
        _values[(_first + row) * _columns + column] = (sbyte)value;
        _errors[row][column] = Weight(row, column) - (double)_scales[row] * value;
    }

    /// <summary>Hw; w lies in FP64 where the errors will.</summary>
    private void Multiply()
    {
        for (int r = 0; r < _count; r++)
        {
            for (int j = 0; j < _columns; j++) _errors[r][j] = Weight(r, j);
        }

        foreach (HessianBlock b in _blocks)
        {
            for (int j = 0; j < b.Size; j++)
            {
                ReadOnlySpan<double> h = b.Hessian.AsSpan(j * b.Size, b.Size);
                for (int r = 0; r < _count; r++) _targets[r][b.First + j] = Cholesky.Dot(h, _errors[r].AsSpan(b.First, b.Size));
            }
        }
    }

    private void Descend(int[] rows)
    {
        for (int sweep = 0; sweep < Sweeps && rows.Length > 0; sweep++)
        {
            var changed = new bool[_count];
            foreach (HessianBlock b in _blocks)
            {
                for (int j = 0; j < b.Size; j++)
                {
                    foreach (int r in rows) changed[r] |= Improve(r, b, j);
                }
            }

            rows = Array.FindAll(rows, r => changed[r]);
        }
    }

    /// <summary>Changes one integer if that lowers the loss.</summary>
    private bool Improve(int row, HessianBlock b, int j)
    {
        int column = b.First + j;
        double before = _errors[row][column];
        double best = before - _gradients[row][column] / b.Hessian[j * b.Size + j];
        int value = WeightScales.Nearest(Weight(row, column) - best, _scales[row], _limit);
        if (value == _values[(_first + row) * _columns + column]) return false;
        Set(row, column, value);
        Cholesky.AddScaled(_gradients[row].AsSpan(b.First, b.Size), _errors[row][column] - before, b.Hessian.AsSpan(j * b.Size, b.Size));
        return true;
    }

    /// <summary>s = wᵀHq / qᵀHq; returns the channels for which there was something to gain.</summary>
    private int[] Rescale(int[] rows) => Array.FindAll(rows, r =>
    {
        double[] gradient = _gradients[r], target = _targets[r];
        ReadOnlySpan<sbyte> q = _values.AsSpan((_first + r) * _columns, _columns);
        double numerator = 0, denominator = 0, before = _scales[r];
        for (int j = 0; j < _columns; j++)
        {
            double hq = (target[j] - gradient[j]) / before;
            numerator += Weight(r, j) * hq;
            denominator += q[j] * hq;
        }

        float scale = (float)(numerator / denominator);
        if (!(scale > 0) || !float.IsFinite(scale) || Math.Abs(scale - _scales[r]) <= 1e-5f * _scales[r]) return false;
        _scales[r] = scale;
        for (int j = 0; j < _columns; j++)
        {
            gradient[j] = target[j] - scale * ((target[j] - gradient[j]) / before);
            Set(r, j, q[j]);
        }

        return true;
    });
}
