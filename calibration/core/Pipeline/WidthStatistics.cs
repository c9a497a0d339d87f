using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Noise of one pair of bit widths, teacher-forced and free-running, with what evaluates it.</summary>
/// <param name="Bits">Of weights and activations.</param>
/// <param name="Quantized">The network at these bits; stays the caller's.</param>
/// <param name="Noise">On FP32's states.</param>
/// <param name="FreeRunning">On its own states, for the first trajectories.</param>
internal sealed record WidthStatistics(BitWidths Bits, NetworkEvaluator Quantized, NoiseCollector Noise, FreeRunningError FreeRunning)
{
    /// <summary>What no figure reaches: infinite ratios, and the ends of intervals that are not known, are recorded so.</summary>
    public const double Beyond = 1000;

    /// <summary>Bytes that the sums of one pair of bit widths take at most.</summary>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="options">Of the calibration.</param>
    public static long Bytes(int channels, CalibrationOptions options) => NoiseCollector.Bytes(channels, options) + FreeRunningError.Bytes(channels, options);

    /// <summary>Writes what every step changes.</summary>
    public void Write(BinaryWriter writer) => FreeRunning.Write(writer);

    /// <summary>Writes a step's sums.</summary>
    public void WriteStep(int step, BinaryWriter writer)
    {
        Noise.WriteStep(step, writer);
        FreeRunning.WriteStep(step, writer);
    }

    /// <summary>Reads what <see cref="Write"/> wrote for the same options.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="end">Unit after the last that it is of.</param>
    /// <param name="steps">First steps of that unit, which it is of, too.</param>
    /// <param name="freeUnits">Units of the free-running noise in all, from 0.</param>
    /// <exception cref="InvalidDataException">It is no such state.</exception>
    public void Read(BinaryReader reader, int end, int steps, int freeUnits) => FreeRunning.Read(reader, Math.Min(end, freeUnits), end < freeUnits ? steps : 0);

    /// <summary>Reads what <see cref="WriteStep"/> wrote for the same options.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reader">Where it stands.</param>
    /// <param name="range">Units that it is of.</param>
    /// <param name="freeUnits">Units of the free-running noise in all, from 0.</param>
    /// <exception cref="InvalidDataException">It is no such state.</exception>
    public void ReadStep(int step, BinaryReader reader, UnitRange range, int freeUnits)
    {
        Noise.ReadStep(step, reader, range);
        FreeRunning.ReadStep(step, reader, new(Math.Min(range.First, freeUnits), Math.Min(range.End, freeUnits)));
    }

    /// <summary>Adds the noise of the units that follow.</summary>
    public void Merge(WidthStatistics following)
    {
        Noise.Merge(following.Noise);
        FreeRunning.Merge(following.FreeRunning);
    }

    /// <summary>What the manifest records of it.</summary>
    public NoiseStatistics ToManifest(CalibrationOptions options)
    {
        int[] steps = [.. Enumerable.Range(0, options.Evaluations)];
        NoiseFit[] fits = [.. steps.Select(Noise.Fit)];
        Normality[] shapes = [.. steps.Select(Noise.Shape)];
        Interval[] k = [.. steps.Select(s => Noise.Interval(s, f => f.K))], snr = [.. steps.Select(s => Noise.Interval(s, f => f.SnrDb))], free = [.. steps.Select(FreeRunning.SnrDb)];
        return new(Bits.Weights, Bits.Activations, options.Trajectories, options.RangeTrajectories,
            Intervals(snr), Intervals(k), Numbers(fits.Select(f => f.RSquared)), Numbers(fits.SelectMany(f => f.Bias)), Numbers(fits.Select(f => f.ResidualVariance)),
            Numbers(shapes.Select(s => s.ExcessKurtosis)), Numbers(shapes.Select(s => s.PValue)), Intervals(free));
    }

    private static NoiseInterval Intervals(Interval[] values) => new(Numbers(values.Select(v => v.Value)), Numbers(values.Select(v => v.Low)), Numbers(values.Select(v => v.High)));

    // JSON has no infinity.
    private static EquatableArray<Number> Numbers(IEnumerable<double> values) => values.Select(v => Number.From((float)Math.Clamp(v, -Beyond, Beyond))).ToEquatableArray();
}
