namespace Specializer.Calibration;

/// <summary>How each step gets its activation bits; weights stay at 4 bits for all steps, so nothing is loaded twice (docs/method.md, "Bits").</summary>
internal static class BitAllocation
{
    /// <summary>Share of the first steps that the preset runs at 4 bits: within the published 19 to 27 %, and the published one for 20 steps.</summary>
    public const double PresetShare = 0.25;

    /// <summary>The published fractions: the first steps, where the state is nearly pure noise, at 4 bits and the others at 8.</summary>
    /// <param name="steps">Steps of the schedule.</param>
    /// <param name="share">Share of steps at 4 bits, in [0, 1].</param>
    public static int[] Preset(int steps, double share = PresetShare)
    {
        if (!(share >= 0 && share <= 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "The share of steps at 4 bits lies between 0 and 1.");
        int low = (int)Math.Round(share * steps);
        return [.. Enumerable.Range(0, steps).Select(t => t < low ? 4 : 8)];
    }

    /// <summary>The paper's rule: the fewest bits n with SNR^Q_n(t) &gt; margin·SNR^F(t), else 8.</summary>
    /// <param name="normRatio4">SNR^Q of 4-bit activations per step: ‖ε‖₂/‖Δ‖₂.</param>
    /// <param name="alphaBar">ᾱ per step; SNR^F = ᾱ/(1 − ᾱ).</param>
    /// <param name="margin">1 is the rule as printed, which gives 4 bits to almost every step; larger values are more careful.</param>
    public static int[] Rule(IReadOnlyList<double> normRatio4, IReadOnlyList<double> alphaBar, double margin)
    {
        if (!(margin > 0)) throw new ArgumentOutOfRangeException(nameof(margin), margin, "The margin on SNR^F is positive.");
        return [.. normRatio4.Select((ratio, t) => ratio > margin * (alphaBar[t] / (1 - alphaBar[t])) ? 4 : 8)];
    }

    /// <summary>Gives 4 bits only to the steps whose cost is known to be low: at most <paramref name="eightBitSteps"/> steps run at 8 bits, those that may gain most from it.</summary>
    /// <remarks>All steps cost the same bit operations at the same width, so the knapsack is solved by giving 8 bits to the largest gains: exchanging any chosen step for another
    /// would not lower Σ_t of what 4 bits may cost. Among equal gains, and where nothing is known, later steps come first, as nearer to the image.</remarks>
    /// <param name="gains">Per step what 8 bits may gain over 4: the upper end of the interval of the final image's mean squared error when only step t runs at 4 bits, less that at 8.</param>
    /// <param name="eightBitSteps">Most steps at 8 bits: see <see cref="EightBitSteps"/>.</param>
    public static int[] Budget(IReadOnlyList<double> gains, int eightBitSteps)
    {
        int[] bits = [.. Enumerable.Repeat(4, gains.Count)];
        foreach (int t in Enumerable.Range(0, bits.Length).Where(t => gains[t] > 0).OrderByDescending(t => gains[t]).ThenByDescending(t => t).Take(eightBitSteps)) bits[t] = 8;
        return bits;
    }

    /// <summary>Most steps at 8 bits under a cap on bit operations.</summary>
    /// <param name="full">Bit operations of one evaluation in FP32.</param>
    /// <param name="at4">Of one evaluation with 4-bit activations.</param>
    /// <param name="at8">With 8-bit activations.</param>
    /// <param name="steps">Steps of the schedule.</param>
    /// <param name="saved">Bit operations of FP32 over those allowed.</param>
    /// <exception cref="ArgumentException">Even 4 bits at every step exceed the cap.</exception>
    public static int EightBitSteps(double full, double at4, double at8, int steps, double saved)
    {
        double allowed = full * steps / saved;
        // The cap may itself be computed from an allocation: forgive a rounding error.
        double room = allowed * (1 + 1e-12) - at4 * steps;
        if (room < 0)
            throw new ArgumentException($"Saving {saved:0.##} times the bit operations is out of reach: 4-bit activations at every step save {full / at4:0.##} times.", nameof(saved));
        return at8 <= at4 ? steps : (int)Math.Min(steps, room / (at8 - at4));
    }
}
