namespace Specializer.Calibration;

/// <summary>Scales of symmetric weight quantization: ŵ = s·clip(round(w/s), ±L), L = 7 for 4 bits and 127 for 8, one s per output channel.</summary>
internal static class WeightScales
{
    private const int GridPoints = 100;
    private const double SmallestFactor = 0.2;

    /// <summary>Largest integer of a symmetric weight: 7 or 127.</summary>
    public static int Limit(int bits) => bits switch
    {
        4 => 7,
        8 => 127,
        _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "Weights are quantized to 4 or 8 bits."),
    };

    /// <summary>Per output channel the scale of least squared error Σ_j h_j·(w_j − ŵ_j)² over a grid of clipping factors of max|w|.</summary>
    /// <param name="weights">[outputs, K], finite.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="importance">h, one per column: the Hessian's diagonal; empty for 1.</param>
    /// <returns>Positive scales; 1 for a channel of zeros.</returns>
    public static float[] Search(ReadOnlySpan<float> weights, int outputs, int bits, ReadOnlySpan<double> importance = default)
    {
        int limit = Limit(bits);
        int columns = weights.Length / outputs;
        var scales = new float[outputs];
        for (int o = 0; o < outputs; o++)
            scales[o] = Search(weights.Slice(o * columns, columns), limit, importance);
        return scales;
    }

    private static float Search(ReadOnlySpan<float> row, int limit, ReadOnlySpan<double> importance)
    {
        float largest = 0;
        foreach (float w in row)
        {
            if (!float.IsFinite(w)) throw new ArgumentException("A weight is not finite; the model's file is damaged or its training diverged.");
            largest = Math.Max(largest, Math.Abs(w));
        }

        if (largest / limit == 0) return 1f;
        float best = 0;
        double least = double.PositiveInfinity;
        for (int i = 0; i < GridPoints; i++)
        {
            double factor = 1 - i * (1 - SmallestFactor) / (GridPoints - 1);
            float scale = (float)(largest * factor / limit);
            if (scale == 0) break;
            double error = 0;
            for (int j = 0; j < row.Length; j++)
            {
                double e = row[j] - (double)scale * Nearest(row[j], scale, limit);
                error += (importance.IsEmpty ? 1 : importance[j]) * e * e;
            }

            if (error < least) (least, best) = (error, scale);
        }

        return best;
    }

    /// <summary>clip(round(value/scale), ±limit), ties to even.</summary>
    public static int Nearest(double value, double scale, int limit) => (int)Math.Clamp(Math.Round(value / scale), -limit, limit);
}
