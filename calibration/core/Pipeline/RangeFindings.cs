namespace Specializer.Calibration;

/// <summary>What a person should know of the activations' ranges: maps that are constant, that saturate much, that never do.</summary>
internal static class RangeFindings
{
    private const double Much = 0.05;

    /// <summary>Findings on all maps.</summary>
    /// <param name="sources">What is quantized, by name.</param>
    /// <param name="ranges">Of each source, one a step.</param>
    public static IEnumerable<Finding> Of(IReadOnlyList<string> sources, IReadOnlyList<ActivationRange[]> ranges)
    {
        int never = 0;
        for (int i = 0; i < sources.Count; i++)
        {
            int steps = ranges[i].Length, constant = ranges[i].Count(r => r.Constant), clipped = ranges[i].Count(r => Saturated(r) > Much);
            if (constant > 0) yield return new UnusualRange(sources[i], RangeTrouble.Constant, constant, steps);
            if (clipped > 0) yield return new UnusualRange(sources[i], RangeTrouble.Saturates, clipped, steps);
            if (constant < steps && ranges[i].All(r => Saturated(r) == 0)) never++;
        }

        if (never > 0) yield return new NeverSaturating(never, sources.Count);
    }

    private static double Saturated(ActivationRange range) => range.SaturatedLow + range.SaturatedHigh;
}
