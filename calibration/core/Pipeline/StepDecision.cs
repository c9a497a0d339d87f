using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What is decided for all steps together.</summary>
/// <param name="Mean">Correction of the mean.</param>
/// <param name="ClampK">Whether a negative k becomes 0.</param>
/// <param name="Variance">Whether σ' makes up for what quantization adds to the variance, or takes from it.</param>
/// <param name="PaperVariance">Takes the error for independent of the state, as the paper does: to compare with.</param>
internal readonly record struct CorrectionPlan(MeanCorrectionKind Mean, bool ClampK, bool Variance, bool PaperVariance = false);

/// <summary>One step as decided: its bits and its noise, from which the manifest's numbers follow.</summary>
/// <param name="Evaluation">The solver's part of it.</param>
/// <param name="Bits">Activation bits.</param>
/// <param name="Quantizations">Per slot.</param>
/// <param name="Moments">Noise at these bits.</param>
/// <param name="ErrorGain">λ: its square times what remains of the noise is the variance that quantization adds to the next state, or c, measured where variance is corrected, else by
/// the program; negative where quantization takes variance away.</param>
internal sealed record StepDecision(
    Evaluation Evaluation, int Bits, Quantization[] Quantizations, JointMoments Moments, double ErrorGain)
{
    /// <summary>The sampler's own σ.</summary>
    public double Sigma => Evaluation.Sigma;

    /// <summary>Where the network says σ and it was measured: E[s(v̂)], and the variance that quantization adds to the next state.</summary>
    public (double Said, double Added)? Learned { get; init; }

    /// <summary>Scale g of the prediction that is corrected: the one that is compiled in.</summary>
    public double Guidance { get; init; } = 1;

    /// <summary>The noise of the prediction at <see cref="Guidance"/>.</summary>
    public NoiseFit Fit() => NoiseFit.Of(Moments, Guidance);

    /// <summary>The correction of the mean under a plan.</summary>
    public MeanCorrection Mean(CorrectionPlan plan) => MeanCorrection.Of(plan.Mean, Fit(), plan.ClampK);

    /// <summary>What the network runs with: quantization and mean correction.</summary>
    public InterpretedStep Parameters(CorrectionPlan plan)
    {
        MeanCorrection mean = Mean(plan);
        return new() { Quantizations = Quantizations, Gain = (float)mean.Gain, Offset = Array.ConvertAll(mean.Offset, o => (float)o) };
    }

    /// <summary>σ' under a plan.</summary>
    public VarianceCorrection Variance(CorrectionPlan plan)
    {
        double gained = plan.Variance ? ErrorGain * Math.Abs(ErrorGain) * Mean(plan).RemainingVariance : 0;
        return Learned is not { } learned ? VarianceCorrection.Of(Sigma, gained)
            : VarianceCorrection.Of(Math.Sqrt(learned.Said), plan.Variance ? learned.Added : 0) with { Removed = gained };
    }

    /// <summary>The manifest's step.</summary>
    public Step ToManifest(CorrectionPlan plan, CalibrationOptions options)
    {
        NoiseFit fit = Fit();
        // Under guidance the runtime derives the correction from the joint moments; what is written serves calls without.
        StepDecision unguided = this with { Guidance = 1 };
        MeanCorrection mean = unguided.Mean(plan);
        VarianceCorrection variance = unguided.Variance(plan);
        return new(
            Evaluation.Rounded(), Bits, Write(Learned is null ? variance.CalibratedSigma : Sigma), Write(ErrorGain), Write(fit.K), Write(fit.RSquared),
            Write(fit.ResidualVariance), Write(Math.Clamp(fit.SnrDb, -1000, 1000)), Write(mean.Gain), Write(mean.Offset),
            Quantizations.Select(q => Write(q.Scale)).ToEquatableArray(), Quantizations.Select(q => q.ZeroPoint).ToEquatableArray(),
            Quantizations.Select(q => q.Levels).ToEquatableArray(),
            options.Guided ? Enumerable.Range(0, 16).Select(i => Write(Moments.Covariance(i / 4, i % 4))).ToEquatableArray() : default,
            options.Guided ? Enumerable.Range(0, 4 * Moments.Channels).Select(i => Write(Moments.Mean(i / 4, i % 4))).ToEquatableArray() : default)
        {
            RemovedVariance = Write(variance.Removed),
        };
    }

    private static EquatableArray<Number> Write(double[] values) => values.Select(Write).ToEquatableArray();

    private static Number Write(double value) => Number.From((float)value);
}
