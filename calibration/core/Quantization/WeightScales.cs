using System.Runtime.Intrinsics;

namespace Specializer.Calibration;

/// <summary>Scales of symmetric weight quantization: ŵ = s·clip(round(w/s), ±L), L = 7 for 4 bits and 127 for 8, one s per output channel.</summary>
internal static class WeightScales
{
    private const int GridPoints = 100;
    private const double SmallestFactor = 0.2;

    // Scales that are tried side by side.
    private const int Candidates = 16;

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
    /// <param name="importance">h, one per column: the Hessian's diagonal; null for 1.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <returns>Positive scales; 1 for a channel of zeros.</returns>
    public static float[] Search(float[] weights, int outputs, int bits, double[]? importance = null, int threads = 1)
    {
        int limit = Limit(bits), columns = weights.Length / outputs;
        if (Array.Exists(weights, w => !float.IsFinite(w))) throw new ArgumentException("A weight is not finite; the model's file is damaged or its training diverged.");
        var scales = new float[outputs];
        Parallel.For(0, outputs, new ParallelOptions { MaxDegreeOfParallelism = threads }, o => scales[o] = Search(weights.AsSpan(o * columns, columns), limit, importance));
        return scales;
    }

    private static float Search(ReadOnlySpan<float> row, int limit, ReadOnlySpan<double> importance)
    {
        float largest = 0;
        foreach (float w in row) largest = Math.Max(largest, Math.Abs(w));
        if (!float.IsNormal(largest / limit)) return 1f;
        // Behind the grid's end the last factor again, which changes nothing.
        Span<float> scales = stackalloc float[(GridPoints + Candidates - 1) / Candidates * Candidates];
        for (int i = 0; i < scales.Length; i++)
        {
            double factor = 1 - Math.Min(i, GridPoints - 1) * (1 - SmallestFactor) / (GridPoints - 1);
            scales[i] = (float)(largest * factor / limit);
        }

        float best = 0;
        double least = double.PositiveInfinity;
        Span<double> errors = stackalloc double[Candidates];
        for (int first = 0; first < scales.Length; first += Candidates)
        {
            Errors(row, scales.Slice(first, Candidates), limit, importance, errors);
            for (int i = 0; i < Candidates; i++)
            {
                if (scales[first + i] == 0) return best;
                if (errors[i] < least) (least, best) = (errors[i], scales[first + i]);
            }
        }

        return best;
    }

    /// <summary>Squared errors of several scales, one in each lane, so that each sum has the order of the columns.</summary>
    private static void Errors(ReadOnlySpan<float> row, ReadOnlySpan<float> scales, int limit, ReadOnlySpan<double> importance, Span<double> errors)
    {
        Vector256<double> s0 = Scale(scales), s1 = Scale(scales[4..]), s2 = Scale(scales[8..]), s3 = Scale(scales[12..]);
        Vector256<double> e0 = default, e1 = default, e2 = default, e3 = default, most = Vector256.Create((double)limit);
        for (int j = 0; j < row.Length; j++)
        {
            Vector256<double> w = Vector256.Create((double)row[j]), h = Vector256.Create(importance.IsEmpty ? 1 : importance[j]);
            e0 += Error(w, s0, most, h);
            e1 += Error(w, s1, most, h);
            e2 += Error(w, s2, most, h);
            e3 += Error(w, s3, most, h);
        }

        e0.CopyTo(errors);
        e1.CopyTo(errors[4..]);
        e2.CopyTo(errors[8..]);
        e3.CopyTo(errors[12..]);

        static Vector256<double> Scale(ReadOnlySpan<float> scales) => Vector256.Create((double)scales[0], scales[1], scales[2], scales[3]);

        static Vector256<double> Error(Vector256<double> w, Vector256<double> scale, Vector256<double> most, Vector256<double> h)
        {
            Vector256<double> e = w - scale * Vector256.Max(-most, Vector256.Min(most, Vector256.Round(w / scale)));
            return h * e * e;
        }
    }

    /// <summary>clip(round(value/scale), ±limit), ties to even.</summary>
    public static int Nearest(double value, double scale, int limit) => (int)Math.Clamp(Math.Round(value / scale), -limit, limit);
}
