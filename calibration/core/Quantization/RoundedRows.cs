namespace Specializer.Calibration;

/// <summary>A diagonal block of a layer's damped H = R·Rᵀ.</summary>
/// <param name="First">Its first column.</param>
/// <param name="Size">Its columns.</param>
/// <param name="Hessian">Size×Size row-major.</param>
/// <param name="Factor">R in the upper triangle.</param>
internal sealed record HessianBlock(int First, int Size, double[] Hessian, double[] Factor);

/// <summary>A few output channels that are rounded in step: H is read once for all of them, and it is H that does not fit a cache. Each channel's result is that of rounding it alone.</summary>
internal sealed class RoundedRows
{
    /// <summary>Channels that are rounded in step.</summary>
    public const int Most = 8;

    private const int Refinements = 3;
    private const int Sweeps = 8;

    private readonly float[] _weights;
    private readonly sbyte[] _values;
    private readonly HessianBlock[] _blocks;
    private readonly int _limit, _first, _columns, _count;
    private readonly float[] _scales;
    private readonly double[][] _errors, _gradients;

    /// <param name="weights">[outputs, K] of the layer.</param>
    /// <param name="values">Receives the integers.</param>
    /// <param name="blocks">Of H.</param>
    /// <param name="limit">Largest integer.</param>
    /// <param name="scales">Where the channels' scales start.</param>
    /// <param name="first">The first channel.</param>
    public RoundedRows(float[] weights, sbyte[] values, HessianBlock[] blocks, int limit, ReadOnlySpan<float> scales, int first)
    {
        (_weights, _values, _blocks, _limit, _first) = (weights, values, blocks, limit, first);
        _scales = scales.ToArray();
        _count = scales.Length;
        _columns = blocks[^1].First + blocks[^1].Size;
        _errors = [.. Enumerable.Range(0, _count).Select(_ => new double[_columns])];
        _gradients = [.. Enumerable.Range(0, _count).Select(_ => new double[_columns])];
    }

    /// <summary>A channel's scale.</summary>
    public float Scale(int row) => _scales[row];

    /// <summary>A channel's w − ŵ.</summary>
    public double[] Error(int row) => _errors[row];

    /// <summary>eᵀHe of a channel.</summary>
    public double Loss(int row)
    {
        double loss = 0;
        foreach (HessianBlock b in _blocks)
        {
            ReadOnlySpan<double> error = _errors[row].AsSpan(b.First, b.Size);
            for (int j = 0; j < b.Size; j++) loss += error[j] * Cholesky.Dot(b.Hessian.AsSpan(j * b.Size, b.Size), error);
        }

        return loss;
    }

    /// <summary>Rounds each weight to cancel what the errors of the columns before it left in its term.</summary>
    public void NearestPlane()
    {
        foreach (HessianBlock b in _blocks)
        {
            // Σ_{i<j} e_i·R_ij for the columns j still to come.
            foreach (double[] gradient in _gradients) Array.Clear(gradient, b.First, b.Size);
            for (int j = 0; j < b.Size; j++)
            {
                double pivot = b.Factor[j * b.Size + j];
                ReadOnlySpan<double> rest = b.Factor.AsSpan(j * b.Size + j + 1, b.Size - j - 1);
                for (int r = 0; r < _count; r++)
                {
                    Span<double> left = _gradients[r].AsSpan(b.First, b.Size);
                    Set(r, b.First + j, WeightScales.Nearest(Weight(r, b.First + j) + left[j] / pivot, _scales[r], _limit));
                    Cholesky.AddScaled(left[(j + 1)..], _errors[r][b.First + j], rest);
                }
            }
        }
    }

    /// <summary>Coordinate descent and scales in turn, until nothing is left to gain.</summary>
    public void Refine()
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

    private void Descend(int[] rows)
    {
        foreach (HessianBlock b in _blocks)
        {
            for (int j = 0; j < b.Size; j++)
            {
                ReadOnlySpan<double> h = b.Hessian.AsSpan(j * b.Size, b.Size);
                foreach (int r in rows) _gradients[r][b.First + j] = Cholesky.Dot(h, _errors[r].AsSpan(b.First, b.Size));
            }
        }

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
    private int[] Rescale(int[] rows)
    {
        var q = new double[_count][];
        double[] numerators = new double[_count], denominators = new double[_count];
        foreach (int r in rows) q[r] = Array.ConvertAll(_values[((_first + r) * _columns)..((_first + r + 1) * _columns)], v => (double)v);
        foreach (HessianBlock b in _blocks)
        {
            for (int j = 0; j < b.Size; j++)
            {
                ReadOnlySpan<double> h = b.Hessian.AsSpan(j * b.Size, b.Size);
                foreach (int r in rows)
                {
                    double hq = Cholesky.Dot(h, q[r].AsSpan(b.First, b.Size));
                    numerators[r] += Weight(r, b.First + j) * hq;
                    denominators[r] += q[r][b.First + j] * hq;
                }
            }
        }

        return Array.FindAll(rows, r =>
        {
            float scale = (float)(numerators[r] / denominators[r]);
            if (!(scale > 0) || !float.IsFinite(scale) || Math.Abs(scale - _scales[r]) <= 1e-5f * _scales[r]) return false;
            _scales[r] = scale;
            for (int j = 0; j < _columns; j++) Set(r, j, _values[(_first + r) * _columns + j]);
            return true;
        });
    }
}
