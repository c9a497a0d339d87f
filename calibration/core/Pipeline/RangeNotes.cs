namespace Specializer.Calibration;

/// <summary>What a person should know of the activations' ranges: maps that are constant, that saturate much, that never do.</summary>
internal static class RangeNotes
{
    private const double Much = 0.05;

    /// <summary>Notes on all maps.</summary>
    /// <param name="sources">What is quantized, by name.</param>
    /// <param name="ranges">Of each source, one a step.</param>
    public static IEnumerable<string> Of(IReadOnlyList<string> sources, IReadOnlyList<ActivationRange[]> ranges)
    {
        int never = 0;
        for (int i = 0; i < sources.Count; i++)
        {
            int steps = ranges[i].Length, constant = ranges[i].Count(r => r.Constant), clipped = ranges[i].Count(r => Saturated(r) > Much);
            if (constant > 0) yield return $"'{sources[i]}' is constant at {constant} of {steps} steps; its quantization represents that one value";
            if (clipped > 0) yield return $"'{sources[i]}' saturates in more than 5 % of its values at {clipped} of {steps} steps: its distribution is unusual, and 8 bits or FP32 (--skip) may serve it better";
            if (constant < steps && ranges[i].All(r => Saturated(r) == 0)) never++;
        }

        if (never > 0) yield return $"{never} of {sources.Count} quantized maps never saturate: clipping any of their values would cost more than finer steps gain";
    }

    private static double Saturated(ActivationRange range) => range.SaturatedLow + range.SaturatedHigh;
}
