namespace Specializer.Calibration;

/// <summary>A quantized layer: ŵ[o, j] = Scales[o]·Values[o, j].</summary>
/// <param name="Bits">4 or 8.</param>
/// <param name="Values">[outputs, K], within ±7 or ±127.</param>
/// <param name="Scales">Per output channel.</param>
/// <param name="Bias">Per output channel; second-order rounding moves the mean of the rounding error in here, where it costs nothing.</param>
/// <param name="Loss">Mean squared error of the layer's output that the rounding causes on the sampled columns, summed over output channels;
/// without input moments the squared error of the weights.</param>
internal sealed record QuantizedWeights(int Bits, sbyte[] Values, float[] Scales, float[] Bias, double Loss)
{
    /// <summary>The tensor's bytes in the weights file: I8 [O, K], or for 4 bits U8 [O, ⌈K/2⌉], element 2j in the low nibble.</summary>
    public byte[] ToBytes()
    {
        if (Bits == 8) return Array.ConvertAll(Values, v => (byte)v);
        int columns = Values.Length / Scales.Length, rowBytes = (columns + 1) / 2;
        var bytes = new byte[Scales.Length * rowBytes];
        for (int i = 0; i < Values.Length; i++)
        {
            int row = i / columns, column = i % columns;
            bytes[row * rowBytes + column / 2] |= (byte)((Values[i] & 15) << (4 * (column & 1)));
        }

        return bytes;
    }
}

/// <summary>Weight rounding, output channels independent of each other.</summary>
/// <remarks>Second order is GPTQ (Frantar et al., ICLR 2023) in the form of Babai's nearest plane, to which it is equal: with H = R·Rᵀ the loss of a row is
/// Σ_j (Σ_{i≤j} e_i·R_ij)², so each weight is rounded to cancel what the earlier errors left in its term. H is the covariance of the inputs, because
/// their mean meets the bias, which is not rounded. Two cheap steps follow: coordinate descent on the integers (repeat while any single change lowers
/// the loss) and the closed-form scale s = wᵀHq / qᵀHq. Column order is the weight order; no activation ordering.</remarks>
internal static class WeightRounding
{
    private const double Damping = 0.01;
    private const int Refinements = 3;
    private const int Sweeps = 8;

    /// <summary>Rounds each weight to the nearest integer; scales of least squared weight error.</summary>
    /// <param name="weights">[outputs, K].</param>
    /// <param name="bias">[outputs].</param>
    /// <param name="bits">4 or 8.</param>
    public static QuantizedWeights Nearest(ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, int bits)
    {
        float[] scales = WeightScales.Search(weights, bias.Length, bits);
        int limit = WeightScales.Limit(bits), columns = weights.Length / bias.Length;
        var values = new sbyte[weights.Length];
        double loss = 0;
        for (int i = 0; i < values.Length; i++)
        {
            float scale = scales[i / columns];
            values[i] = (sbyte)WeightScales.Nearest(weights[i], scale, limit);
            double e = weights[i] - (double)scale * values[i];
            loss += e * e;
        }

        return new(bits, values, scales, bias.ToArray(), loss);
    }

    /// <summary>Rounds with the second moments of the layer's inputs.</summary>
    /// <param name="weights">[outputs, K].</param>
    /// <param name="bias">[outputs].</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="inputs">Moments of the layer's input columns, in weight order.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">No columns were sampled, or the sizes do not fit.</exception>
    public static QuantizedWeights SecondOrder(float[] weights, float[] bias, int bits, InputMoments inputs, int threads = 1)
    {
        int outputs = bias.Length, columns = inputs.Size;
        if (weights.Length != outputs * columns)
            throw new ArgumentException($"The layer has {weights.Length} weights; {outputs} output channels of {columns} inputs need {outputs * columns}.", nameof(weights));
        if (inputs.Count == 0)
            throw new ArgumentException("Second-order rounding needs input columns and none were sampled. Calibrate with at least one trajectory, or round to nearest.", nameof(inputs));
        double[] hessian = inputs.Covariance();
        double[] factor = Damp(hessian, columns, threads);
        double[] mean = inputs.Mean();
        var diagonal = new double[columns];
        for (int j = 0; j < columns; j++) diagonal[j] = hessian[j * columns + j];
        float[] scales = WeightScales.Search(weights, outputs, bits, diagonal);
        var values = new sbyte[weights.Length];
        var newBias = new float[outputs];
        var losses = new double[outputs];
        int limit = WeightScales.Limit(bits);
        Parallel.For(0, outputs, new ParallelOptions { MaxDegreeOfParallelism = threads }, o =>
        {
            var row = new Row(weights.AsSpan(o * columns, columns), values.AsSpan(o * columns, columns), limit, hessian, scales[o]);
            row.NearestPlane(factor);
            row.Refine();
            scales[o] = row.Scale;
            losses[o] = row.Loss();
            newBias[o] = (float)(bias[o] + Cholesky.Dot(row.Error, mean));
        });
        return new(bits, values, scales, newBias, losses.Sum());
    }

    /// <summary>Damps H by a hundredth of its mean diagonal (which also settles columns that are always zero: they round to nearest) and returns its factor.</summary>
    private static double[] Damp(double[] hessian, int n, int threads)
    {
        double mean = 0;
        for (int j = 0; j < n; j++) mean += hessian[j * n + j] / n;
        if (!double.IsFinite(mean)) throw new ArgumentException("The layer's inputs are not finite; the model diverges on its own trajectories.");
        double damping = mean > 0 ? Damping * mean : 1;
        while (true)
        {
            for (int j = 0; j < n; j++) hessian[j * n + j] += damping;
            var factor = (double[])hessian.Clone();
            if (Cholesky.Factor(factor, n, threads)) return factor;
            damping *= 10;
        }
    }

    private ref struct Row(ReadOnlySpan<float> weights, Span<sbyte> values, int limit, double[] hessian, float scale)
    {
        private readonly ReadOnlySpan<float> _weights = weights;
        private readonly Span<sbyte> _values = values;
        private readonly double[] _gradient = new double[weights.Length];

        /// <summary>w − ŵ.</summary>
        public double[] Error { get; } = new double[weights.Length];

        public float Scale { get; private set; } = scale;

        public readonly double Loss()
        {
            double loss = 0;
            for (int j = 0; j < Error.Length; j++)
                loss += Error[j] * Cholesky.Dot(hessian.AsSpan(j * Error.Length, Error.Length), Error);
            return loss;
        }

        public readonly void NearestPlane(double[] factor)
        {
            int n = Error.Length;
            double[] left = _gradient; // Σ_{i<j} e_i·R_ij for the columns j still to come.
            Array.Clear(left);
            for (int j = 0; j < n; j++)
            {
                Set(j, WeightScales.Nearest(_weights[j] + left[j] / factor[j * n + j], Scale, limit));
                Cholesky.AddScaled(left.AsSpan(j + 1), Error[j], factor.AsSpan(j * n + j + 1, n - j - 1));
            }
        }

        public void Refine()
        {
            for (int round = 0; round < Refinements; round++)
            {
                Descend();
                if (!Rescale()) return;
            }

            Descend();
        }

        private readonly void Set(int j, int value)
        {
            _values[j] = (sbyte)value;
            Error[j] = _weights[j] - (double)Scale * value;
        }

        private readonly void Descend()
        {
            int n = Error.Length;
            for (int j = 0; j < n; j++) _gradient[j] = Cholesky.Dot(hessian.AsSpan(j * n, n), Error);
            for (int sweep = 0, changes = 1; sweep < Sweeps && changes > 0; sweep++)
            {
                changes = 0;
                for (int j = 0; j < n; j++)
                {
                    double before = Error[j];
                    double best = before - _gradient[j] / hessian[j * n + j];
                    int value = WeightScales.Nearest(_weights[j] - best, Scale, limit);
                    if (value == _values[j]) continue;
                    Set(j, value);
                    Cholesky.AddScaled(_gradient, Error[j] - before, hessian.AsSpan(j * n, n));
                    changes++;
                }
            }
        }

        /// <summary>s = wᵀHq / qᵀHq; false when nothing is left to gain.</summary>
        private bool Rescale()
        {
            int n = Error.Length;
            var q = new double[n];
            for (int j = 0; j < n; j++) q[j] = _values[j];
            double numerator = 0, denominator = 0;
            for (int j = 0; j < n; j++)
            {
                double hq = Cholesky.Dot(hessian.AsSpan(j * n, n), q);
                numerator += _weights[j] * hq;
                denominator += q[j] * hq;
            }

            float scale = (float)(numerator / denominator);
            if (!(scale > 0) || !float.IsFinite(scale) || Math.Abs(scale - Scale) <= 1e-5f * Scale) return false;
            Scale = scale;
            for (int j = 0; j < n; j++) Set(j, _values[j]);
            return true;
        }
    }
}
