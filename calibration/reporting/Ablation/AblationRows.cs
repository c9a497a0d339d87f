using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>A sampler of the table that is not FP32.</summary>
/// <param name="Name">Of the row.</param>
/// <param name="Bits">Widths, for the table.</param>
/// <param name="Manifest">What it runs.</param>
/// <param name="Tensor">Its weights.</param>
internal sealed record AblationRow(string Name, string Bits, CalibrationManifest Manifest, Func<string, long, byte[]> Tensor)
{
    /// <summary>What the row adds to <see cref="Against"/>; null when it adds nothing.</summary>
    public string? Change { get; init; }

    /// <summary>Name of the row without it.</summary>
    public string? Against { get; init; }

    /// <summary>What the change is meant to improve.</summary>
    public Criterion Criterion { get; init; }

    /// <summary>The correction of the mean that a calibration would try, beside the row without any; null for other rows.</summary>
    public CorrectionPlan? Tries { get; init; }

    /// <summary>Trajectories that it was calibrated on, of a row of the curve over them; null for other rows.</summary>
    public int? Trajectories { get; init; }

    /// <summary>True when both draw the same images because nothing that is computed differs.</summary>
    public bool Draws(AblationRow other) => Equals(Tensor.Target, other.Tensor.Target) && Computed(Manifest).Equals(Computed(other.Manifest));

    // Guidance that is compiled in reads the flags, too.
    private static (EquatableArray<Step>, Manifest.Sampling?) Computed(CalibrationManifest manifest) =>
        (manifest.Steps, manifest.Sampling.Guidance.Value == 1 ? null : manifest.Sampling);
}

/// <summary>Which rows an ablation has: each adds one part to the row before it, or stands beside it as the alternative.</summary>
/// <param name="artifact">What the rows stand beside.</param>
/// <param name="learned">Whether there are rows with learned rounding.</param>
internal sealed class AblationRows(CalibrationManifest artifact, bool learned = false)
{
    /// <summary>Name of the row with the bits that measured costs gave, beside the preset's.</summary>
    public const string Budget = "MP budget";

    private const string Ranges = "+ per-step ranges", Floating = "+ FP32 input", MixedPlain = "MP, no corrections";

    private static readonly CorrectionPlan s_off = new(MeanCorrectionKind.Off, true, false);
    private static readonly CorrectionPlan s_paper = new(MeanCorrectionKind.Divide, true, false);
    private static readonly CorrectionPlan s_paperVariance = s_paper with { Variance = true, PaperVariance = true };
    private static readonly CorrectionPlan s_signed = new(MeanCorrectionKind.Divide, false, false);
    private static readonly CorrectionPlan s_mmse = new(MeanCorrectionKind.Mmse, true, false);

    /// <summary>The artefact's corrections.</summary>
    private readonly CorrectionPlan _plan = PlanOf(artifact);

    /// <summary>The artefact's activation bits, step by step.</summary>
    private readonly int[] _bits = [.. artifact.Steps.Select(s => s.ActivationBits)];

    /// <summary>Ways to quantize that the rows need.</summary>
    public IReadOnlyList<QuantizationVariant> Variants { get; } =
    [
        .. ((int[])[8, 4]).SelectMany(w => (QuantizationVariant[])
        [
            new(w, RoundingChoice.Nearest, false, 8), new(w, RoundingChoice.Gptq, false, 8), new(w, RoundingChoice.Gptq, true, 8),
        ]),
        new(4, RoundingChoice.Gptq, true, 4),
        new(4, RoundingChoice.Sequential, true, 8),
        .. learned ? (QuantizationVariant[])[new(4, RoundingChoice.Reconstruct, true, 8), new(4, RoundingChoice.Reconstruct, true, 4)] : [],
    ];

    /// <summary>Corrections that the rows need, with the variants they correct.</summary>
    public IReadOnlyList<(QuantizationVariant Variant, CorrectionPlan Plan)> Plans =>
        [.. Variants.Where(v => v.PerStep).SelectMany(v => (CorrectionPlan[])[s_paper, s_paperVariance, _plan], (v, p) => (v, p))];

    /// <summary>All rows but FP32 and the artefact.</summary>
    /// <param name="calibration">Has measured what they need.</param>
    public IEnumerable<AblationRow> All(AblationCalibration calibration)
    {
        foreach (AblationRow row in Chain(calibration, 8).Concat(Chain(calibration, 4))) yield return row;
        QuantizationVariant four = new(4, RoundingChoice.Gptq, true, 4), eight = four with { ActivationBits = 8 };
        QuantizationVariant sequential = eight with { Rounding = RoundingChoice.Sequential };
        yield return Row(calibration, "W4A8 + sequential rounding", "W4A8", sequential, calibration.Steps(sequential, s_off), s_off) with { Change = "layers rounded in sequence", Against = $"W4A8 {Ranges}" };
        string ranged = $"W4A4 {Ranges}";
        yield return Row(calibration, ranged, "W4A4", four, [.. calibration.Steps(four, s_off)], s_off);
        yield return Clipped(calibration, four);
        if (learned)
        {
            // Beside what learning starts from.
            foreach (QuantizationVariant v in (QuantizationVariant[])[eight, four])
            {
                string bits = $"W4A{v.ActivationBits}";
                QuantizationVariant reconstructed = v with { Rounding = RoundingChoice.Reconstruct };
                yield return Row(calibration, $"{bits} + learned rounding", bits, reconstructed, calibration.Steps(reconstructed, s_off), s_off) with { Change = "learned rounding and step sizes", Against = $"{bits} {Ranges}" };
            }
        }

        yield return Row(calibration, "W4A4, all corrections", "W4A4", four, [.. calibration.Steps(four, s_paper)], s_paper with { Variance = true });
        if (!Mixed(artifact)) yield break;
        int[] preset = [.. _bits.Order()];
        yield return Mix(MixedPlain, _bits, s_off);
        string own = preset.SequenceEqual(_bits) ? "MP preset" : $"MP {artifact.Sampling.Policy}";
        if (_plan.Mean == MeanCorrectionKind.Off)
        {
            foreach (CorrectionPlan tried in (CorrectionPlan[])[s_paper, s_signed, s_mmse])
            {
                string name = CorrectionText.Name(tried.Mean, tried.ClampK);
                yield return Mix($"MP, {name}", _bits, tried) with { Change = $"mean correction {name}", Against = MixedPlain, Tries = tried };
            }
        }

        if (!_plan.Variance) yield return Mix("MP + variance", _bits, _plan with { Variance = true }) with { Change = "variance", Against = own, Criterion = Criterion.Variance };
        yield return Mix("MP preset", preset, _plan) with { Change = preset.SequenceEqual(_bits) ? "the artefact's corrections" : null, Against = MixedPlain };
        if (preset.SequenceEqual(_bits)) yield break;
        yield return Mix(own, _bits, _plan) with { Change = $"policy {artifact.Sampling.Policy} instead of preset, equal bit operations", Against = "MP preset" };

        // Steps of both widths with their own noise; the weights are the same.
        AblationRow Mix(string name, int[] bits, CorrectionPlan plan)
        {
            StepDecision[] low = calibration.Steps(four, plan), high = calibration.Steps(eight, plan);
            return Row(calibration, name, "MP", eight, [.. bits.Select((b, t) => b == 4 ? low[t] : high[t])], plan);
        }
    }

    /// <summary>Name of the row that has the artefact's widths, and its corrections where it is mixed.</summary>
    public static string? Beside(IReadOnlyList<AblationRow> rows, CalibrationManifest manifest)
    {
        string bits = Widths(manifest);
        return (rows.FirstOrDefault(r => r.Bits == bits && bits != "MP" && r.Name.EndsWith(Ranges, StringComparison.Ordinal)) ?? rows.LastOrDefault(r => r.Bits == bits))?.Name;
    }

    /// <summary>Name of the row of some widths without corrections.</summary>
    public static string Uncorrected(string bits) => bits == "MP" ? MixedPlain : $"{bits} {Ranges}";

    /// <summary>Name of the row with an artefact's weights and the first convolution in floating point.</summary>
    public static string FloatingInput(CalibrationManifest manifest) => $"W{WeightBits(manifest)}A8 {Floating}";

    /// <summary>True when an artefact's activation bits change by step.</summary>
    public static bool Mixed(CalibrationManifest manifest) => manifest.Steps.Select(s => s.ActivationBits).Distinct().Count() > 1;

    /// <summary>An artefact's widths, for the table.</summary>
    public static string Widths(CalibrationManifest manifest)
    {
        if (Mixed(manifest)) return "MP";
        int weights = WeightBits(manifest);
        return weights == 32 ? "FP32" : $"W{weights}A{(weights == 8 ? 8 : manifest.Steps[0].ActivationBits)}";
    }

    private static int WeightBits(CalibrationManifest manifest) => manifest.Network.Operations.OfType<ConvolutionOperation>().Min(c => c.WeightBits);

    private IEnumerable<AblationRow> Chain(AblationCalibration calibration, int weights)
    {
        string bits = $"W{weights}A8";
        QuantizationVariant nearest = new(weights, RoundingChoice.Nearest, false, 8), gptq = nearest with { Rounding = RoundingChoice.Gptq }, perStep = gptq with { PerStep = true };
        string plain = $"{bits} nearest", rounded = $"{bits} + GPTQ", ranged = $"{bits} {Ranges}", scaled = $"{bits} + mean correction", centred = $"{bits} + bias";
        yield return Row(calibration, plain, bits, nearest, calibration.Steps(nearest, s_off), s_off);
        yield return Row(calibration, rounded, bits, gptq, calibration.Steps(gptq, s_off), s_off) with { Change = "GPTQ", Against = plain };
        yield return Row(calibration, ranged, bits, perStep, calibration.Steps(perStep, s_off), s_off) with { Change = "per-step ranges", Against = rounded };
        yield return Clipped(calibration, perStep);
        if (calibration.WithFloatingInput(perStep) is { } open) yield return Row(open, $"{bits} {Floating}", perStep) with { Change = "first convolution in floating point", Against = ranged };

        AblationRow paper = Row(calibration, centred, bits, perStep, calibration.Steps(perStep, s_paper), s_paper);
        yield return WithoutBias(paper) with { Name = scaled, Change = "mean correction (k, clamped at 0)", Against = ranged, Criterion = Criterion.Correlation };
        yield return paper with { Change = "bias", Against = scaled, Criterion = Criterion.Bias, Tries = s_paper };
        yield return Row(calibration, $"{bits} signed k, bias", bits, perStep, calibration.Steps(perStep, s_signed), s_signed) with
        {
            Change = "signed k and bias, instead",
            Against = ranged,
            Criterion = Criterion.Correlation,
            Tries = s_signed,
        };
        yield return Row(calibration, $"{bits} mmse", bits, perStep, calibration.Steps(perStep, s_mmse), s_mmse) with { Change = "conditional mean (mmse), instead", Against = ranged, Tries = s_mmse };
        yield return Row(calibration, $"{bits} + variance", bits, perStep, calibration.Steps(perStep, s_paper), s_paper with { Variance = true }) with
        {
            Change = "variance",
            Against = centred,
            Criterion = Criterion.Variance,
        };
        yield return Row(calibration, $"{bits} + paper's variance", bits, perStep, calibration.Steps(perStep, s_paperVariance), s_paperVariance) with
        {
            Change = "variance as the paper has it, instead",
            Against = centred,
            Criterion = Criterion.Variance,
        };
    }

    private AblationRow Clipped(AblationCalibration calibration, QuantizationVariant variant) =>
        Row(calibration.WithWeightedClipping(variant), $"W{variant.WeightBits}A{variant.ActivationBits} + weighted clipping", variant) with { Change = "ranges that clip less", Against = $"W{variant.WeightBits}A{variant.ActivationBits} {Ranges}" };

    /// <summary>Without corrections, of a calibration of its own.</summary>
    private AblationRow Row(CalibrationRun run, string name, QuantizationVariant variant) => new(name, $"W{variant.WeightBits}A{variant.ActivationBits}",
        run.Manifest(variant, run.Steps(Enumerable.Repeat(variant, artifact.Steps.Count)), s_off, "uniform"), run.TensorsOf(variant).Bytes);

    private AblationRow Row(AblationCalibration calibration, string name, string bits, QuantizationVariant variant, StepDecision[] steps, CorrectionPlan plan) =>
        new(name, bits, calibration.Manifest(variant, steps, plan, bits == "MP" ? artifact.Sampling.Policy : "uniform"), calibration.Tensors(variant).Bytes);

    private static AblationRow WithoutBias(AblationRow row) => row with
    {
        Manifest = row.Manifest with
        {
            Steps = row.Manifest.Steps.Select(s => s with
            {
                Offset = s.Offset.Select(_ => default(Number)).ToEquatableArray(),
                Means = s.Means.Select(_ => default(Number)).ToEquatableArray(),
            }).ToEquatableArray(),
        },
    };

    private static CorrectionPlan PlanOf(CalibrationManifest manifest) => ShippedCorrections.Of(manifest) is var shipped ? new(shipped.Mean, shipped.ClampK, shipped.Variance) : default;
}
