using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>What an artefact ships with, in words made of its manifest.</summary>
public static class CorrectionText
{
    /// <summary>A sentence without its full stop.</summary>
    /// <param name="shipped">What the manifest says.</param>
    public static string Sentence(ShippedCorrections shipped)
    {
        ArgumentNullException.ThrowIfNull(shipped);
        string mean = shipped.Mean == MeanCorrectionKind.Off ? "mean not corrected" : $"mean corrected ({Name(shipped.Mean, shipped.ClampK)})";
        string variance = shipped.NoisySteps == 0 ? "no variance to correct, for the sampler injects no noise"
            : shipped.Variance ? $"variance corrected ({(shipped.LearnsVariance ? "c off what the network says of it" : "σ' for σ")} at {shipped.CorrectedSigmas} of {shipped.NoisySteps} steps that inject noise)" : "variance not corrected";
        string bits = shipped.Policy == "uniform" ? $"{(shipped.FourBitSteps == 0 ? 8 : 4)}-bit activations at all {shipped.Steps} steps"
            : $"4-bit activations at {shipped.FourBitSteps} of {shipped.Steps} steps ({shipped.Policy})";
        return $"{mean}; {variance}; {bits}";
    }

    /// <summary>A correction of the mean.</summary>
    internal static string Name(MeanCorrectionKind mean, bool clampK) => mean switch
    {
        MeanCorrectionKind.Divide => clampK ? "divide, k clamped at 0" : "divide, k with its sign",
        MeanCorrectionKind.Mmse => "mmse",
        _ => "off",
    };
}
