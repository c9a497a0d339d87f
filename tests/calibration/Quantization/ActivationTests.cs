namespace Specializer.Calibration.Tests;

public class ActivationTests
{
    [Fact]
    public void OrderPiecesAndMergesDoNotShow()
    {
        float[] values = [.. new Gaussian(1).Values(5000, 0.01), .. new Gaussian(2).Values(5000, 30), 0, -0f, 1, -1, 64, -64];
        byte[] forward = State([values]), backward = State([[.. values.Reverse()]]);
        Assert.Equal(forward, backward);
        Assert.Equal(forward, State([values[..100], values[100..7000], values[7000..]]));
        var merged = new ActivationHistogram();
        foreach (float[] piece in (float[][])[values[..3000], values[3000..9000], values[9000..]])
        {
            var part = new ActivationHistogram();
            part.Add(piece, "x");
            merged.Merge(part);
        }

        Assert.Equal(forward, State(merged));
    }

    /// <summary>Counts outgrow 32 bits when there are more values than these hold, also behind a file; its bytes are few.</summary>
    [Fact]
    public void Counts_outgrow_32_bits()
    {
        float[] values = new Gaussian(3).Values(1000, 1);
        var histogram = new ActivationHistogram();
        histogram.Add(values, "x");
        long[] one = histogram.GetCounts();
        for (int doubled = 1; doubled <= 24; doubled++)
        {
            var same = ActivationHistogram.Read(new(new MemoryStream(State(histogram))), histogram.Count);
            histogram.Merge(same);
            Assert.Equal(one.Select(n => n << doubled), histogram.GetCounts());
            Assert.InRange(State(histogram).Length, ActivationHistogram.Bins, 2 * ActivationHistogram.Bins);
        }

        Assert.True(histogram.Count > uint.MaxValue);
        histogram.Add([1000], "x");
        Assert.Equal(histogram.Count, histogram.GetCounts().Sum());
        Assert.Equal(State(histogram), State(ActivationHistogram.Read(new(new MemoryStream(State(histogram))), histogram.Count)));
    }

    [Theory]
    [InlineData(int.MaxValue, 2, -1f, 1f)]
    [InlineData(-21, 2, -1f, 1f)]
    [InlineData(1, 0, -1f, 1f)]
    [InlineData(1, 3, -1f, 1f)]
    [InlineData(1, 2, float.NaN, 1f)]
    [InlineData(1, 2, -1f, float.PositiveInfinity)]
    [InlineData(1, 2, 1f, -1f)]
    [InlineData(0, 2, -1f, 1f)] // The values lie beyond the bins.
    public void StatesThatNoHistogramHasAreRefused(int exponent, long count, float minimum, float maximum)
    {
        var histogram = new ActivationHistogram();
        histogram.Add([-1, 1], "x");
        byte[] state = State(histogram);
        BitConverter.GetBytes(exponent).CopyTo(state, 0);
        BitConverter.GetBytes(count).CopyTo(state, 4);
        BitConverter.GetBytes(minimum).CopyTo(state, 12);
        BitConverter.GetBytes(maximum).CopyTo(state, 16);
        Assert.Throws<InvalidDataException>(() => ActivationHistogram.Read(new(new MemoryStream(state)), 2));
        Assert.Equal(State(histogram), State(ActivationHistogram.Read(new(new MemoryStream(State(histogram))), 2)));
    }

    [Fact]
    public void BinsCountWhatLiesInThem()
    {
        float[] values = new Gaussian(1).Values(10_000, 3);
        var histogram = new ActivationHistogram();
        histogram.Add(values, "x");
        double width = 2 * histogram.Range / ActivationHistogram.Bins;
        long[] counts = histogram.GetCounts();
        for (int b = 0; b < ActivationHistogram.Bins; b++)
        {
            double low = -histogram.Range + b * width;
            Assert.Equal(values.Count(v => v >= low && v < low + width), counts[b]);
        }

        Assert.Equal(values.Min(), histogram.Minimum);
        Assert.Equal(values.Max(), histogram.Maximum);
        Assert.True(histogram.Range > Math.Max(-values.Min(), values.Max()) && histogram.Range <= 2 * Math.Max(-values.Min(), values.Max()));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void ValuesThatAreNotFiniteAreAnErrorThatNamesTheMap(float bad) =>
        Assert.Contains("'mid.q'", Assert.Throws<ArithmeticException>(() => new ActivationHistogram().Add([1, bad], "mid.q")).Message);

    [Theory]
    [InlineData(15)]
    [InlineData(255)]
    public void SearchIsAsGoodAsExhaustiveSearchOnTheValues(int levels)
    {
        float[] values = [.. new Gaussian(4).Values(4000).Select(v => v / (1 + MathF.Exp(-v)) * 2)]; // After SiLU: from −0.56.
        var histogram = new ActivationHistogram();
        histogram.Add(values, "x");
        ActivationRange found = ActivationSearch.Minimize(histogram, levels);
        double best = double.PositiveInfinity;
        for (double a = 0; a <= 1; a += 0.04)
        {
            for (double b = 0.2; b <= 1; b += 0.02)
            {
                float scale = (float)((values.Max() * b - values.Min() * a) / levels);
                best = Math.Min(best, Error(values, scale, (int)Math.Round(-values.Min() * a / scale), levels));
            }
        }

        double ours = Error(values, found.Scale, found.ZeroPoint, levels);
        Assert.True(ours <= best * 1.03, $"{ours} against {best}");
        Assert.Equal(ours, found.MeanSquaredError, 0.1 * ours);
        Assert.InRange(found.ZeroPoint, 0, levels);
    }

    /// <summary>Tails on both sides, of which more lies within.</summary>
    [Theory]
    [InlineData(15)]
    [InlineData(255)]
    public void WhereClippedErrorsCountMoreLessIsClipped(int levels)
    {
        float[] values = [.. new Gaussian(5).Values(4000).Select(v => v * v * v)];
        var histogram = new ActivationHistogram();
        histogram.Add(values, "x");
        ActivationRange plain = ActivationSearch.Minimize(histogram, levels), weighted = ActivationSearch.Minimize(histogram, levels, 8);
        double best = double.PositiveInfinity;
        for (double a = 0.04; a <= 1; a += 0.02)
        {
            for (double b = 0.04; b <= 1; b += 0.02)
            {
                float scale = (float)((values.Max() * b - values.Min() * a) / levels);
                best = Math.Min(best, Error(values, scale, (int)Math.Round(-values.Min() * a / scale), levels, 8));
            }
        }

        double ours = Error(values, weighted.Scale, weighted.ZeroPoint, levels, 8);
        Assert.True(ours <= best * 1.03, $"{ours} against {best}");
        Assert.True(ours < Error(values, plain.Scale, plain.ZeroPoint, levels, 8));
        Assert.True(weighted.SaturatedLow + weighted.SaturatedHigh < plain.SaturatedLow + plain.SaturatedHigh, $"{weighted} against {plain}");
        // What is reported is the error itself.
        double error = Error(values, weighted.Scale, weighted.ZeroPoint, levels);
        Assert.Equal(error, weighted.MeanSquaredError, 0.1 * error);
        Assert.True(plain.MeanSquaredError < weighted.MeanSquaredError);
    }

    [Fact]
    public void AnOutlierIsClippedAndCounted()
    {
        float[] values = [.. new Gaussian(4).Values(100_000), 100];
        var histogram = new ActivationHistogram();
        histogram.Add(values, "x");
        ActivationRange range = ActivationSearch.Minimize(histogram, 15);
        double top = range.Scale * (15 - range.ZeroPoint + 0.5), bottom = range.Scale * (-range.ZeroPoint - 0.5);
        Assert.True(top < 60);
        Assert.Equal(values.Count(v => v > top) / (double)values.Length, range.SaturatedHigh, 1e-3);
        Assert.Equal(values.Count(v => v < bottom) / (double)values.Length, range.SaturatedLow, 1e-3);
    }

    [Theory]
    [InlineData(3.7f)]
    [InlineData(-0.2f)]
    [InlineData(0f)]
    public void AConstantIsRepresentedExactly(float value)
    {
        var histogram = new ActivationHistogram();
        histogram.Add(Enumerable.Repeat(value, 100).ToArray(), "x");
        ActivationRange range = ActivationSearch.Minimize(histogram, 15);
        Assert.True(range.Constant);
        Assert.True(range.Scale > 0);
        Assert.Equal(0, Error([value], range.Scale, range.ZeroPoint, 15), 1e-10);
    }

    [Theory]
    [InlineData(1f, 3f)]
    [InlineData(-3f, -1f)]
    [InlineData(-1e-30f, 1e-30f)]
    public void OneSidedAndTinyRangesKeepZeroOnTheGrid(float from, float to)
    {
        var histogram = new ActivationHistogram();
        histogram.Add(Enumerable.Range(0, 101).Select(i => from + (to - from) * i / 100).ToArray(), "x");
        ActivationRange range = ActivationSearch.Minimize(histogram, 255);
        Assert.InRange(range.ZeroPoint, 0, 255);
        Assert.True(range.Scale > 0 && float.IsFinite(range.Scale));
        Assert.False(range.Constant);
        if (to > 0.5f) Assert.Equal(0, range.ZeroPoint);
        if (from < -0.5f) Assert.Equal(255, range.ZeroPoint);
    }

    [Fact]
    public void AnEmptyHistogramIsAnError() =>
        Assert.Throws<ArgumentException>(() => ActivationSearch.Minimize(new(), 255));

    private static double Error(float[] values, float scale, int zero, int levels, double clipped = 1) => values.Average(v =>
    {
        double nearest = Math.Round(v / (double)scale) + zero, level = Math.Clamp(nearest, 0, levels);
        return (level == nearest ? 1 : clipped) * Math.Pow(v - scale * (level - zero), 2);
    });

    private static byte[] State(float[][] pieces)
    {
        var histogram = new ActivationHistogram();
        foreach (float[] piece in pieces) histogram.Add(piece, "x");
        return State(histogram);
    }

    private static byte[] State(ActivationHistogram histogram)
    {
        using var stream = new MemoryStream();
        histogram.Write(new(stream));
        stream.Position = 0;
        using var copy = new MemoryStream();
        ActivationHistogram.Read(new(stream), histogram.Count).Write(new(copy));
        Assert.Equal(stream.ToArray(), copy.ToArray());
        return stream.ToArray();
    }
}
