namespace Specializer.Calibration;

/// <summary>An estimate with its 95 % interval.</summary>
/// <param name="Value">The statistic of the whole sample.</param>
/// <param name="Low">2.5 % quantile of the resamples; −∞ where the sample is too small to tell.</param>
/// <param name="High">97.5 % quantile; +∞ where the sample is too small to tell.</param>
public readonly record struct Interval(double Value, double Low, double High)
{
    /// <summary>A value of which nothing more is known.</summary>
    /// <param name="value">The statistic of the whole sample.</param>
    public static Interval Unknown(double value) => new(value, double.NegativeInfinity, double.PositiveInfinity);
}

/// <summary>Percentile bootstrap over trajectories. Pixels of a trajectory are dependent, so whole trajectories are drawn, with Philox: equal inputs give equal intervals.</summary>
internal static class Bootstrap
{
    /// <summary>Least trajectories for an interval. Resamples of fewer hardly differ from each other, and their interval would be far too narrow: a single one has the width 0.</summary>
    public const int Fewest = 8;

    private const int Resamples = 1000;

    /// <summary>Interval of a statistic; unbounded for fewer trajectories than <see cref="Fewest"/>.</summary>
    /// <param name="trajectories">Number of trajectories, at least 1.</param>
    /// <param name="statistic">Value for a multiset of trajectory indices.</param>
    /// <param name="seed">Seed of the draws.</param>
    public static Interval Estimate(int trajectories, Func<int[], double> statistic, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trajectories, 1);
        double value = statistic([.. Enumerable.Range(0, trajectories)]);
        if (trajectories < Fewest) return Interval.Unknown(value);
        var draws = new Draws(seed, DrawPurpose.Bootstrap);
        var resampled = new double[Resamples];
        var indices = new int[trajectories];
        for (int r = 0; r < Resamples; r++)
        {
            for (int i = 0; i < trajectories; i++) indices[i] = draws.Below(trajectories, (uint)r, (uint)i);
            resampled[r] = statistic(indices);
        }

        Array.Sort(resampled);
        return new(value, resampled[Resamples * 25 / 1000], resampled[Resamples * 975 / 1000 - 1]);
    }

    /// <summary>Median of some values; NaN for none.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
