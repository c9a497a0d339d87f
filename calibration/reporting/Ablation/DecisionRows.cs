using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>The rows by which a calibration's decisions are checked: of what the artefact has, itself without it; of what it has not, the ablation's rows with it.</summary>
internal static class DecisionRows
{
    private const string Plain = "artefact, σ", WithoutMean = "artefact, σ, mean not corrected";

    /// <summary>The artefact without each of its corrections.</summary>
    public static IEnumerable<AblationRow> Without(AblationRow artifact)
    {
        ShippedCorrections shipped = ShippedCorrections.Of(artifact.Manifest);
        AblationRow plain = artifact with { Name = Plain, Manifest = artifact.Manifest.WithOwnNoise(), Change = null, Against = null };
        if (shipped.Variance || shipped.Mean != MeanCorrectionKind.Off) yield return plain;
        if (shipped.Mean != MeanCorrectionKind.Off) yield return plain with { Name = WithoutMean, Manifest = WithoutMeanCorrection(plain.Manifest) };
    }

    /// <summary>What to compare: the decision, whether the artefact has it, the row with and the row without, and by which criterion.</summary>
    /// <param name="artifact">The artefact's row.</param>
    /// <param name="rows">All rows.</param>
    public static IEnumerable<(string Decision, bool Applied, string With, string Without, Criterion Criterion)> Of(AblationRow artifact, IReadOnlyList<AblationRow> rows)
    {
        ShippedCorrections shipped = ShippedCorrections.Of(artifact.Manifest);
        string bits = AblationRows.Widths(artifact.Manifest);
        if (Asked("mean-correction"))
        {
            if (shipped.Mean != MeanCorrectionKind.Off) yield return ($"mean correction {CorrectionText.Name(shipped.Mean, shipped.ClampK)}", true, Plain, WithoutMean, Criterion.SquaredError);
            else
            {
                foreach (AblationRow row in rows.Where(r => r.Bits == bits && r.Tries is not null))
                    yield return ($"mean correction {CorrectionText.Name(row.Tries!.Value.Mean, row.Tries.Value.ClampK)}", false, row.Name, AblationRows.Uncorrected(bits), Criterion.SquaredError);
            }
        }

        if (Asked("variance-correction") && shipped.Variance) yield return ("variance correction", true, artifact.Name, Plain, Criterion.CoarseFrechet);
        if (Asked("variance-correction") && !shipped.Variance && rows.FirstOrDefault(r => r.Bits == bits && r.Criterion == Criterion.Variance) is { } varied)
            yield return ("variance correction", false, varied.Name, varied.Against!, Criterion.CoarseFrechet);
        if (shipped.Policy == "budget" && rows.FirstOrDefault(r => r.Name == AblationRows.Budget) is { } budget) yield return ("bits by measured costs instead of the preset's", true, budget.Name, budget.Against!, Criterion.SquaredError);

        if (Asked("first-convolution") && rows.FirstOrDefault(r => r.Name == AblationRows.FloatingInput(artifact.Manifest)) is { } open)
            yield return ("first convolution in floating point", QuantizedNetwork.Entering(artifact.Manifest.Network).Any(), open.Name, open.Against!, Criterion.SquaredError);

        bool Asked(string option) => DecisionRows.Asked(artifact.Manifest, option);
    }

    /// <summary>Whether evidence was asked: what the user chose was not decided on any.</summary>
    /// <param name="manifest">Of the artefact.</param>
    /// <param name="option">Name of the option, without its dashes.</param>
    public static bool Asked(CalibrationManifest manifest, string option) => manifest.Provenance.Options.Contains($"--{option} auto");

    private static CalibrationManifest WithoutMeanCorrection(CalibrationManifest manifest) => manifest with
    {
        Sampling = manifest.Sampling with { MeanCorrection = "off" },
        Steps = manifest.Steps.Select(s => s with { Gain = Number.From(1), Offset = s.Offset.Select(_ => default(Number)).ToEquatableArray() }).ToEquatableArray(),
    };
}
