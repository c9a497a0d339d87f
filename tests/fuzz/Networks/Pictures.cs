using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>What every comparison of whole samplers draws.</summary>
internal static class Pictures
{
    /// <summary>Three pictures, guided where the manifest is.</summary>
    public static SampleOptions Of(CalibrationManifest manifest) =>
        new() { Count = 3, Seed = 5, Labels = manifest.Model.Classes > 0 ? [0, 1, 2] : [], Guidance = manifest.Sampling.GuidanceMaximum.Value > 1 ? 2.5f : null };

    /// <summary>The same, as C#.</summary>
    public static string Source(CalibrationManifest manifest)
    {
        SampleOptions options = Of(manifest);
        return FormattableString.Invariant($"new() {{ Count = {options.Count}, Seed = {options.Seed}, Labels = [{string.Join(", ", options.Labels)}], Guidance = {(options.Guidance is { } guidance ? FormattableString.Invariant($"{guidance:R}f") : "null")} }}");
    }

    /// <summary>Where the bits differ first; null for nowhere.</summary>
    public static string? Difference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string who, string than)
    {
        if (actual.Length != expected.Length) return $"{who}, there are {actual.Length} elements; {than} there are {expected.Length}.";
        for (int i = 0; i < actual.Length; i++)
            if (BitConverter.SingleToUInt32Bits(actual[i]) != BitConverter.SingleToUInt32Bits(expected[i])) return FormattableString.Invariant($"{who}, element {i} of {actual.Length} is {actual[i]:R}; {than} it is {expected[i]:R}.");
        return null;
    }
}
