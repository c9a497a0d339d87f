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
    /// <summary>Rounds each weight to the nearest integer; scales of least squared weight error.</summary>
    /// <param name="weights">[outputs, K].</param>
    /// <param name="bias">[outputs].</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    public static QuantizedWeights Nearest(float[] weights, float[] bias, int bits, int threads = 1)
    {
        float[] scales = WeightScales.Search(weights, bias.Length, bits, null, threads);
        int limit = WeightScales.Limit(bits), columns = weights.Length / bias.Length;
        var values = new sbyte[weights.Length];
        var losses = new double[bias.Length];
        Parallel.For(0, bias.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, o =>
        {
            for (int i = o * columns; i < (o + 1) * columns; i++)
            {
                values[i] = (sbyte)WeightScales.Nearest(weights[i], scales[o], limit);
                double e = weights[i] - (double)scales[o] * values[i];
                losses[o] += e * e;
            }
        });
        return new(bits, values, scales, [.. bias], losses.Sum());
    }

    /// <summary>Rounds with the second moments of the layer's inputs.</summary>
    /// <param name="weights">[outputs, K].</param>
    /// <param name="bias">[outputs].</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="inputs">Of the layer's input columns, in weight order.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">The sizes do not fit.</exception>
    public static QuantizedWeights SecondOrder(float[] weights, float[] bias, int bits, DampedHessian inputs, int threads = 1)
    {
        var (blocks, mean) = inputs;
        int outputs = bias.Length, columns = mean.Length;
        if (weights.Length != outputs * columns)
            throw new ArgumentException($"The layer has {weights.Length} weights; {outputs} output channels of {columns} inputs need {outputs * columns}.", nameof(weights));
        double[] diagonal = [.. blocks.SelectMany(b => Enumerable.Range(0, b.Size).Select(j => b.Hessian[j * b.Size + j]))];
        float[] scales = WeightScales.Search(weights, outputs, bits, diagonal, threads);
        var values = new sbyte[weights.Length];
        var newBias = new float[outputs];
        var losses = new double[outputs];
        int limit = WeightScales.Limit(bits);
        Parallel.For(0, (outputs + RoundedRows.Most - 1) / RoundedRows.Most, new ParallelOptions { MaxDegreeOfParallelism = threads }, () => new RoundedRows(weights, values, blocks, limit), (batch, _, rows) =>
        {
            int first = batch * RoundedRows.Most, count = Math.Min(RoundedRows.Most, outputs - first);
            rows.Round(first, scales.AsSpan(first, count));
            for (int r = 0; r < count; r++)
            {
                losses[first + r] = rows.Loss(r);
                newBias[first + r] = (float)(bias[first + r] + Cholesky.Dot(rows.Error(r), mean));
            }

            return rows;
        }, _ => { });
        return new(bits, values, scales, newBias, losses.Sum());
    }
}
