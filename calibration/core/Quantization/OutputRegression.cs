namespace Specializer.Calibration;

/// <summary>The weights with which a layer would bring its output nearest to the one that is wanted, given the inputs that it really gets: least squares over columns, damped towards the weights
/// that it has in FP32. What is added to the output behind the layer counts, too, so that a layer makes up for what others added wrongly.</summary>
/// <remarks>The inputs' moments are those of a rounding; every other sum runs in FP64 over the columns in order, for each output channel alone.</remarks>
internal sealed class OutputRegression
{
    /// <summary>Of H, in its mean diagonal: less would follow the luck of the columns.</summary>
    public const double Damping = 0.1;

    private const int Chunk = 64;

    private readonly float[] _weights;
    private readonly QuantizedWeights _current;
    private readonly int _outputs, _size, _threads;
    private readonly double[] _products, _sums; // Σ missing·column and Σ missing, by output channel.
    private readonly double[] _columns, _missing; // Of a chunk.
    private int _pending, _count;

    /// <param name="weights">[outputs, K] in FP32.</param>
    /// <param name="current">What the layer ran with when the outputs were made.</param>
    /// <param name="largest">Largest magnitude of an input.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    public OutputRegression(float[] weights, QuantizedWeights current, float largest, int threads)
    {
        (_weights, _current, _outputs, _threads) = (weights, current, current.Scales.Length, threads);
        _size = weights.Length / _outputs;
        Inputs = new(_size, largest);
        (_products, _sums) = (new double[weights.Length], new double[_outputs]);
        (_columns, _missing) = (new double[Chunk * _size], new double[Chunk * _outputs]);
    }

    /// <summary>Moments of the columns.</summary>
    public ColumnMoments Inputs { get; }

    /// <summary>Bytes that this takes beside <see cref="Inputs"/>, with the factor of H.</summary>
    public static long Bytes(int outputs, int size) => sizeof(double) * ((long)(outputs + Chunk) * size + 2 * ColumnMoments.Sizes(size).Max(block => (long)block * block));

    /// <summary>Adds a column.</summary>
    /// <param name="column">One column of inputs, as the layer read it.</param>
    /// <param name="missing">By output channel the output that was wanted, less the one that there was.</param>
    public void Add(ReadOnlySpan<float> column, ReadOnlySpan<float> missing)
    {
        Inputs.Add(column, _threads);
        for (int j = 0; j < column.Length; j++) _columns[_pending * _size + j] = column[j];
        for (int o = 0; o < missing.Length; o++) _missing[_pending * _outputs + o] = missing[o];
        _count++;
        if (++_pending == Chunk) Flush();
    }

    /// <summary>The weights and biases to round, in FP32.</summary>
    public (float[] Weights, float[] Bias) Solve()
    {
        Flush();
        int blocks = Inputs.Blocks.Count;
        float[] weights = [.. _weights], bias = new float[_outputs];
        double[] mean = [.. Inputs.Blocks.SelectMany(b => b.Mean())];
        var options = new ParallelOptions { MaxDegreeOfParallelism = _threads };
        for (int b = 0, first = 0; b < blocks; first += Inputs.Blocks[b++].Size)
        {
            int size = Inputs.Blocks[b].Size, start = first;
            double[] hessian = Inputs.Blocks[b].Covariance(), factor = Factor(hessian, size, blocks);
            Parallel.For(0, _outputs, options, o =>
            {
                double[] error = new double[size], change = new double[size];
                for (int j = 0; j < size; j++) error[j] = Current(o, start + j) - _weights[o * _size + start + j];
                // What the rounding of the current weights alone did to the output is no error of the inputs.
                for (int j = 0; j < size; j++)
                    change[j] = (_products[o * _size + start + j] - _sums[o] * mean[start + j]) / _count + blocks * Cholesky.Dot(hessian.AsSpan(j * size, size), error);
                Cholesky.Solve(factor, size, change);
                for (int j = 0; j < size; j++) weights[o * _size + start + j] += (float)change[j];
            });
        }

        for (int o = 0; o < _outputs; o++)
        {
            double offset = _current.Bias[o] + _sums[o] / _count;
            for (int j = 0; j < _size; j++) offset += (Current(o, j) - weights[o * _size + j]) * mean[j];
            bias[o] = (float)offset;
        }

        return (weights, bias);
    }

    private double Current(int output, int column) => (double)_current.Scales[output] * _current.Values[output * _size + column];

    /// <summary>Of damped H. Blocks are solved apart, each for all that is missing: H is at most as many times its diagonal blocks as there are, so that together they do not overshoot.</summary>
    private double[] Factor(double[] hessian, int size, int blocks)
    {
        var factor = Array.ConvertAll(hessian, h => blocks * h);
        double diagonal = 0;
        for (int j = 0; j < size; j++) diagonal += hessian[j * size + j] / size;
        double damping = diagonal > 0 ? Damping * diagonal : 1;
        for (int j = 0; j < size; j++) factor[j * size + j] += damping;
        return Cholesky.Factor(factor, size, _threads) ? factor : throw new ArgumentException("The layer's inputs are not finite; the model diverges on its own trajectories.");
    }

    private void Flush()
    {
        int columns = _pending;
        _pending = 0;
        Parallel.For(0, columns == 0 ? 0 : _outputs, new ParallelOptions { MaxDegreeOfParallelism = _threads }, o =>
        {
            Span<double> products = _products.AsSpan(o * _size, _size);
            for (int n = 0; n < columns; n++)
            {
                double missing = _missing[n * _outputs + o];
                _sums[o] += missing;
                Cholesky.AddScaled(products, missing, _columns.AsSpan(n * _size, _size));
            }
        });
    }
}
