using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Noise of one pair of bit widths, teacher-forced and free-running, with what evaluates it.</summary>
/// <param name="Bits">Of weights and activations.</param>
/// <param name="Quantized">The network at these bits; stays the caller's.</param>
/// <param name="Noise">On FP32's states.</param>
/// <param name="FreeRunning">On its own states, for the first trajectories.</param>
internal sealed record WidthStatistics(BitWidths Bits, NetworkEvaluator Quantized, NoiseCollector Noise, FreeRunningError FreeRunning)
{
    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        Noise.Write(writer);
        FreeRunning.Write(writer);
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote for the same options.</summary>
    public void Read(BinaryReader reader)
    {
        Noise.Read(reader);
        FreeRunning.Read(reader);
    }

    /// <summary>What a person should know of it.</summary>
    public string Summary()
    {
        int[] steps = [.. Enumerable.Range(0, Noise.Steps)];
        Interval[] snr = [.. steps.Select(s => Noise.Interval(s, f => f.SnrDb))];
        Interval worst = snr.MinBy(i => i.Value), last = FreeRunning.SnrDb(steps[^1]);
        Normality[] shapes = [.. steps.Select(Noise.Shape)];
        return string.Create(CultureInfo.InvariantCulture, $"{Bits} without corrections: one prediction {Bootstrap.Median(snr.Select(i => i.Value)):0.0} dB in the median over steps, {worst.Value:0.0} [{worst.Low:0.0}, {worst.High:0.0}] at the worst; ")
            + string.Create(CultureInfo.InvariantCulture, $"free-running the last state {last.Value:0.0} [{last.Low:0.0}, {last.High:0.0}] dB; the residual's excess kurtosis {Bootstrap.Median(shapes.Select(s => s.ExcessKurtosis)):0.0} in the median, ")
            + $"normal (Jarque-Bera, 1 %) at {shapes.Count(s => s.PValue > 0.01)} of {steps.Length} steps";
    }

    /// <summary>What the manifest records of it.</summary>
    public NoiseStatistics ToManifest(CalibrationOptions options)
    {
        int[] steps = [.. Enumerable.Range(0, options.Steps)];
        NoiseFit[] fits = [.. steps.Select(s => NoiseFit.Of(Noise.Moments(s)))];
        Normality[] shapes = [.. steps.Select(Noise.Shape)];
        Interval[] k = [.. steps.Select(s => Noise.Interval(s, f => f.K))], snr = [.. steps.Select(s => Noise.Interval(s, f => f.SnrDb))], free = [.. steps.Select(FreeRunning.SnrDb)];
        return new(Bits.Weights, Bits.Activations, options.Trajectories, options.RangeTrajectories,
            Intervals(snr), Intervals(k), Numbers(fits.Select(f => f.RSquared)), Numbers(fits.SelectMany(f => f.Bias)), Numbers(fits.Select(f => f.ResidualVariance)),
            Numbers(shapes.Select(s => s.ExcessKurtosis)), Numbers(shapes.Select(s => s.PValue)), Intervals(free));
    }

    private static NoiseInterval Intervals(Interval[] values) => new(Numbers(values.Select(v => v.Value)), Numbers(values.Select(v => v.Low)), Numbers(values.Select(v => v.High)));

    // No noise is an infinite ratio, which JSON has not.
    private static EquatableArray<Number> Numbers(IEnumerable<double> values) => values.Select(v => Number.From((float)Math.Clamp(v, -1000, 1000))).ToEquatableArray();
}
