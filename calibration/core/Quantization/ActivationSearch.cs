namespace Specializer.Calibration;

/// <summary>Quantization parameters found for one map at one step, and how they fit.</summary>
/// <param name="Scale">δ; finite and positive.</param>
/// <param name="ZeroPoint">The integer that stands for 0, in [0, Levels].</param>
/// <param name="Levels">15 or 255.</param>
/// <param name="MeanSquaredError">Of the quantized values against the histogram.</param>
/// <param name="SaturatedLow">Share of values below what the smallest integer stands for, by more than δ/2.</param>
/// <param name="SaturatedHigh">The same above.</param>
/// <param name="Constant">All values are equal: the range is chosen to represent that value, not searched.</param>
internal readonly record struct ActivationRange(
    float Scale, int ZeroPoint, int Levels, double MeanSquaredError, double SaturatedLow, double SaturatedHigh, bool Constant);

/// <summary>Searches the asymmetric quantization of least squared error over a grid of clipping factors for both ends.</summary>
internal sealed class ActivationSearch
{
    private const int GridPoints = 48;
    private const double FactorStep = 0.02;
    private const int Coarse = 4;

    // How often the error of what lies beyond the range is counted.
    private readonly double _clipped;
    private readonly ActivationHistogram _histogram;
    // Sums over all bins before b of count, count·x and count·x², values spread evenly within their bin.
    private readonly double[] _count = new double[ActivationHistogram.Bins + 1];
    private readonly double[] _first = new double[ActivationHistogram.Bins + 1];
    private readonly double[] _second = new double[ActivationHistogram.Bins + 1];

    private ActivationSearch(ActivationHistogram histogram, double clipped)
    {
        (_histogram, _clipped) = (histogram, clipped);
        double width = 2 * histogram.Range / ActivationHistogram.Bins;
        long[] counts = histogram.GetCounts();
        for (int b = 0; b < ActivationHistogram.Bins; b++)
        {
            double n = counts[b], low = -histogram.Range + b * width, high = low + width;
            _count[b + 1] = _count[b] + n;
            _first[b + 1] = _first[b] + n * (low + high) / 2;
            _second[b + 1] = _second[b] + n * (low * low + low * high + high * high) / 3;
        }
    }

    /// <summary>Finds scale and zero point.</summary>
    /// <param name="histogram">What the map held.</param>
    /// <param name="levels">15 or 255.</param>
    /// <param name="clipped">How often the squared error of clipped values is counted, at least 1; of the others it is once.</param>
    /// <exception cref="ArgumentException">The histogram is empty.</exception>
    public static ActivationRange Minimize(ActivationHistogram histogram, int levels, double clipped = 1)
    {
        if (histogram.Count == 0) throw new ArgumentException("No activation was recorded; calibrate with at least one trajectory.", nameof(histogram));
        if (histogram.Minimum == histogram.Maximum)
        {
            float value = histogram.Minimum;
            float scale = Math.Abs(value) / levels;
            // Of a smaller one the reciprocal is infinite.
            return !float.IsNormal(scale) ? new(1, 0, levels, 0, 0, 0, true) : new(scale, value > 0 ? 0 : levels, levels, 0, 0, 0, true);
        }

        return new ActivationSearch(histogram, clipped).Search(levels);
    }

    private ActivationRange Search(int levels)
    {
        double low = Math.Min(0, _histogram.Minimum), high = Math.Max(0, _histogram.Maximum);
        float bestScale = 0;
        int bestZero = 0;
        double least = double.PositiveInfinity;
        // A coarse grid first, then every point around its best: both ends matter together, but smoothly.
        int lowPoints = low < 0 ? GridPoints : 1, highPoints = high > 0 ? GridPoints : 1, bestI = 0, bestJ = 0;
        for (int i = 0; i < lowPoints; i += Coarse)
        {
            for (int j = 0; j < highPoints; j += Coarse) Try(i, j);
        }

        int fromI = Math.Max(0, bestI - Coarse + 1), toI = Math.Min(lowPoints, bestI + Coarse), fromJ = Math.Max(0, bestJ - Coarse + 1), toJ = Math.Min(highPoints, bestJ + Coarse);
        for (int i = fromI; i < toI; i++)
        {
            for (int j = fromJ; j < toJ; j++) Try(i, j);
        }

        if (bestScale == 0) // Every value is so small that a step underflows: all are zero for the arithmetic that follows.
            return new(1, 0, levels, _second[^1] / _histogram.Count, 0, 0, true);
        double total = _histogram.Count;
        double bottom = bestScale * (-bestZero - 0.5), top = bestScale * (levels - bestZero + 0.5);
        return new(bestScale, bestZero, levels, Math.Max(0, Error(bestScale, bestZero, levels)) / total, At(_count, bottom) / total, (total - At(_count, top)) / total, false);

        void Try(int i, int j)
        {
            double from = low * (1 - i * FactorStep), to = high * (1 - j * FactorStep);
            float scale = (float)((to - from) / levels);
            if (!float.IsNormal(scale)) return;
            int zero = (int)Math.Clamp(Math.Round(-from / scale), 0, levels);
            double error = Error(scale, zero, levels) + (_clipped - 1) * ClippedError(scale, zero, levels);
            if (error < least) (least, bestScale, bestZero, bestI, bestJ) = (error, scale, zero, i, j);
        }
    }

    /// <summary>Σ (x − x̂)²: per level the values within half a step of it, the outermost levels taking everything beyond.</summary>
    private double Error(double scale, int zero, int levels)
    {
        double error = 0, n0 = 0, n1 = 0, n2 = 0;
        double perBin = ActivationHistogram.Bins / (2 * _histogram.Range);
        for (int q = 0; q <= levels; q++)
        {
            double center = scale * (q - zero), b = (center + scale / 2 + _histogram.Range) * perBin;
            if (b <= 0) continue;
            int index = (int)Math.Min(b, ActivationHistogram.Bins - 1);
            // The sums at the border between this level and the next, interpolated within a bin.
            double part = q == levels ? 1 : Math.Min(b - index, 1);
            if (q == levels) index = ActivationHistogram.Bins - 1;
            double m0 = Interpolate(_count, index, part), m1 = Interpolate(_first, index, part), m2 = Interpolate(_second, index, part);
            error += m2 - n2 - 2 * center * (m1 - n1) + center * center * (m0 - n0);
            (n0, n1, n2) = (m0, m1, m2);
        }

        return error;
    }

    /// <summary>The part of <see cref="Error"/> that is made by values more than half a step beyond the outermost levels.</summary>
    private double ClippedError(double scale, int zero, int levels)
    {
        double bottom = scale * -zero, top = scale * (levels - zero), below = bottom - scale / 2, above = top + scale / 2;
        return Around(bottom, At(_count, below), At(_first, below), At(_second, below))
            + Around(top, _count[^1] - At(_count, above), _first[^1] - At(_first, above), _second[^1] - At(_second, above));

        static double Around(double level, double n0, double n1, double n2) => n2 - 2 * level * n1 + level * level * n0;
    }

    private static double Interpolate(double[] sums, int index, double part) => sums[index] + part * (sums[index + 1] - sums[index]);

    /// <summary>A running sum at a position between bins, interpolated.</summary>
    private double At(double[] sums, double position)
    {
        double b = (position + _histogram.Range) * (ActivationHistogram.Bins / (2 * _histogram.Range));
        if (b <= 0) return 0;
        if (b >= ActivationHistogram.Bins) return sums[^1];
        int index = (int)b;
        return Interpolate(sums, index, b - index);
    }
}
