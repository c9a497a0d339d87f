using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What an artefact does beside rounding, as its manifest says.</summary>
/// <param name="Mean">Correction of the mean.</param>
/// <param name="ClampK">Whether a negative k counts as 0; concerns <see cref="MeanCorrectionKind.Divide"/> only.</param>
/// <param name="Variance">Whether σ makes room for the quantization noise, or makes up for what it takes away.</param>
/// <param name="CorrectedSigmas">Steps where σ' is another than σ, or c another than 0.</param>
/// <param name="NoisySteps">Steps that inject noise.</param>
/// <param name="Policy">How the activations' bits were chosen: <c>uniform</c>, <c>preset</c>, <c>rule</c> or <c>budget</c>.</param>
/// <param name="FourBitSteps">Steps with 4-bit activations.</param>
/// <param name="Steps">All steps.</param>
public sealed record ShippedCorrections(MeanCorrectionKind Mean, bool ClampK, bool Variance, int CorrectedSigmas, int NoisySteps, string Policy, int FourBitSteps, int Steps)
{
    /// <summary>Whether the network says σ, so that c takes the place of σ'.</summary>
    public bool LearnsVariance { get; init; }

    /// <summary>What a manifest says.</summary>
    internal static ShippedCorrections Of(CalibrationManifest manifest)
    {
        Sampling sampling = manifest.Sampling;
        return new(
            sampling.MeanCorrection switch { "divide" => MeanCorrectionKind.Divide, "mmse" => MeanCorrectionKind.Mmse, _ => MeanCorrectionKind.Off }, sampling.ClampK, sampling.VarianceCorrection,
            manifest.Steps.Count(s => s.CalibratedSigma.Value != s.Sigma.Value || s.RemovedVariance.Single != 0), manifest.Steps.Count(s => s.Evaluation.InjectsNoise),
            sampling.Policy, manifest.Steps.Count(s => s.ActivationBits == 4), manifest.Steps.Count)
        {
            LearnsVariance = manifest.Program.LearnsVariance,
        };
    }
}
