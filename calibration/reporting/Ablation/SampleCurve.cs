using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>Rows that differ in nothing but the number of trajectories that they were calibrated on: how many are enough.</summary>
internal static class SampleCurve
{
    private static readonly CorrectionPlan s_off = new(MeanCorrectionKind.Off, true, false);

    /// <summary>One calibration for each number, from the first trajectories on, and a row for each of the artefact's widths.</summary>
    /// <param name="context">The artefact's model and options.</param>
    /// <param name="artifact">What the rows stand beside.</param>
    /// <param name="counts">Numbers of trajectories, each larger than the one before.</param>
    /// <param name="checkpoint">Of the calibration on so many.</param>
    public static IEnumerable<AblationRow> Rows(CalibrationContext context, CalibrationManifest artifact, IReadOnlyList<int> counts, Func<int, Checkpoint> checkpoint)
    {
        QuantizationVariant[] variants = [.. Variants(artifact)];
        AblationRow[] before = [];
        foreach (int count in counts)
        {
            var calibration = new AblationCalibration(context with { Options = context.Options with { Trajectories = count } }, checkpoint(count), variants, []);
            context.Meter.Total = Math.Max(context.Meter.Total, context.Meter.Done + calibration.Work);
            calibration.Run();
            AblationRow[] rows = [.. variants.Select((variant, i) => new AblationRow($"{variant.Bits} from {count}", $"{variant.Bits}",
                calibration.Manifest(variant, calibration.Steps(variant, s_off), s_off, "uniform"), calibration.Tensors(variant).Bytes)
            {
                Trajectories = count,
                Change = before.Length == 0 ? null : $"{count} trajectories instead of {before[i].Trajectories}",
                Against = before.Length == 0 ? null : before[i].Name,
            })];
            foreach (AblationRow row in rows) yield return row;
            before = rows;
        }
    }

    private static IEnumerable<QuantizationVariant> Variants(CalibrationManifest artifact)
    {
        int weights = artifact.Network.Operations.OfType<ConvolutionOperation>().Min(c => c.WeightBits) == 4 ? 4 : 8;
        foreach (int activations in artifact.Steps.Select(s => weights == 8 ? 8 : s.ActivationBits).Distinct().OrderDescending()) yield return new(weights, RoundingChoice.Gptq, true, activations);
    }
}
