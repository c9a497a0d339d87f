using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What one denoising step adds to the network: the numbers that generated code holds as literals, parsed once.</summary>
internal sealed class InterpretedStep
{
    /// <summary>A step of an FP32 network without corrections, for evaluating the network alone.</summary>
    public static InterpretedStep Float32 { get; } = new();

    /// <summary>Per slot: see <see cref="QuantizationSlots"/>.</summary>
    public Quantization[] Quantizations { get; init; } = [];

    /// <summary>Factor of the folded mean correction.</summary>
    public float Gain { get; init; } = 1;

    /// <summary>Offset per channel of the folded mean correction; empty for none.</summary>
    public float[] Offset { get; init; } = [];

    /// <summary>The sampler's own σ.</summary>
    public float Sigma { get; init; }

    public float Lambda { get; init; }

    /// <summary>4×4 joint covariance; empty when guidance was not calibrated and is not asked for.</summary>
    public float[] Covariance { get; init; } = [];

    /// <summary>Joint means, [channel·4 + i].</summary>
    public float[] Means { get; init; } = [];

    public bool ClampK { get; init; }

    public MeanCorrectionKind Mean { get; init; }

    public bool CorrectVariance { get; init; }

    public Correction Correction => new(Gain, Offset);

    public GuidanceMoments Moments => new(Covariance, Means, Lambda, Sigma, ClampK, Mean, CorrectVariance);

    /// <summary>What runs once a call, or at its end: quantized as in any step, then as encoders and decoder are.</summary>
    public static InterpretedStep Once(CalibrationManifest manifest) => new()
    {
        Quantizations = [.. Column(manifest.Steps[0].Scales, manifest.Steps[0].ZeroPoints, manifest.Steps[0].Levels),
            .. manifest.Timeless().SelectMany(t => Column(t.Scales, t.ZeroPoints, t.Levels))],
    };

    private static IEnumerable<Quantization> Column(EquatableArray<Number> scales, EquatableArray<int> zeroPoints, EquatableArray<int> levels) =>
        scales.Select((scale, slot) => new Quantization(scale.Single, zeroPoints[slot], levels[slot]));

    public static InterpretedStep FromManifest(Step step, Manifest.Sampling sampling) => new()
    {
        Quantizations = [.. Column(step.Scales, step.ZeroPoints, step.Levels)],
        Gain = step.Gain.Single,
        // Generated code passes no offsets where all are 0.
        Offset = step.Offset.All(o => o.Single == 0) ? [] : [.. step.Offset.Select(o => o.Single)],
        Sigma = step.Sigma.Single,
        Lambda = step.Lambda.Single,
        Covariance = [.. step.Covariance.Select(c => c.Single)],
        Means = [.. step.Means.Select(m => m.Single)],
        ClampK = sampling.ClampK,
        Mean = sampling.MeanCorrection switch { "divide" => MeanCorrectionKind.Divide, "mmse" => MeanCorrectionKind.Mmse, _ => MeanCorrectionKind.Off },
        CorrectVariance = sampling.VarianceCorrection,
    };
}
