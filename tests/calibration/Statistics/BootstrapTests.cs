namespace Specializer.Calibration.Tests;

public class BootstrapTests
{
    [Fact]
    public void TheIntervalCoversTheTruthAboutAsOftenAsItSays()
    {
        var random = new Gaussian(1);
        int covered = 0;
        for (int trial = 0; trial < 200; trial++)
        {
            double[] values = [.. Enumerable.Range(0, 60).Select(_ => 2 + random.Next())];
            Interval interval = Bootstrap.Estimate(60, i => i.Average(n => values[n]), (ulong)trial);
            Assert.True(interval.Low <= interval.Value && interval.Value <= interval.High);
            if (interval.Low <= 2 && 2 <= interval.High) covered++;
        }

        Assert.InRange(covered, 175, 199);
    }

    [Fact]
    public void EqualInputsGiveEqualIntervals()
    {
        Func<int[], double> statistic = i => i.Average(n => n * n);
        Assert.Equal(Bootstrap.Estimate(20, statistic, 3), Bootstrap.Estimate(20, statistic, 3));
        Assert.NotEqual(Bootstrap.Estimate(20, statistic, 3), Bootstrap.Estimate(20, statistic, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.Estimate(0, statistic));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(Bootstrap.Fewest - 1)]
    public void TooFewTrajectoriesHaveNoInterval(int trajectories)
    {
        // Resamples of a single trajectory are all the same: an interval of width 0 would claim certainty.
        Interval interval = Bootstrap.Estimate(trajectories, i => i.Average(n => n));
        Assert.Equal(Interval.Unknown((trajectories - 1) / 2.0), interval);
        Interval known = Bootstrap.Estimate(Bootstrap.Fewest, i => i.Average(n => n));
        Assert.True(double.IsFinite(known.Low) && known.Low < known.Value && known.Value < known.High && double.IsFinite(known.High));
    }

    [Fact]
    public void MedianOfEvenAndOddCounts()
    {
        Assert.Equal(2, Bootstrap.Median([3, 1, 2]));
        Assert.Equal(2.5, Bootstrap.Median([3, 1, 2, 9]));
        Assert.True(double.IsNaN(Bootstrap.Median([])));
    }

    [Fact]
    public void PairedFiguresFollowTheirDefinitions()
    {
        float[] reference = [1, 1, 1, 1, 2, 2, 2, 2], images = [1.1f, 0.9f, 1.1f, 0.9f, 2, 2, 2, 3];
        var pairs = new PairedImages(reference, images, 4);
        Assert.Equal(20, pairs.SnrDb(0), 1e-5);
        Assert.Equal(10 * Math.Log10(16), pairs.SnrDb(1), 1e-6);
        Assert.Equal(10 * Math.Log10(4 / 0.01), pairs.PsnrDb(0), 1e-5);
        Assert.Equal(10 * Math.Log10(20 / 1.04), pairs.PooledSnrDb().Value, 1e-5);
        Assert.Equal((20 + 10 * Math.Log10(16)) / 2, pairs.MedianSnrDb().Value, 1e-5);
        Assert.Throws<ArgumentException>(() => new PairedImages(reference, images.AsSpan(1), 4));
    }
}
