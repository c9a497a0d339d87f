using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>Calibrates all rows of an ablation together, by the phases that an artefact goes through: one pass over FP32 trajectories for the ranges and moments of all, one for the
/// noise of all, one for what it does to the variance of the next state.</summary>
internal sealed class AblationCalibration
{
    private readonly CalibrationRun _run;
    private readonly (QuantizationVariant Variant, CorrectionPlan Plan)[] _plans;
    private readonly Dictionary<(QuantizationVariant, CorrectionPlan), StepDecision[]> _corrected = [];

    /// <param name="context">The artefact's model and options, with the ablation's number of trajectories.</param>
    /// <param name="checkpoint">Written after each unit.</param>
    /// <param name="variants">Ways to quantize.</param>
    /// <param name="plans">Corrections that are to be measured, with the variants they correct.</param>
    /// <param name="learner">What learns rounding; needed for variants that are reconstructed. Trajectories run on this project's kernels all the same.</param>
    public AblationCalibration(CalibrationContext context, Checkpoint checkpoint, IReadOnlyList<QuantizationVariant> variants, IReadOnlyList<(QuantizationVariant Variant, CorrectionPlan Plan)> plans, ReferenceEngine? learner = null)
    {
        _run = new(context, checkpoint, variants) { FreeRunning = false, Confirm = false, Learner = learner };
        _plans = !context.InjectsNoise ? [] : [.. plans.Select(p => (p.Variant, p.Plan with { Variance = true })).Distinct()];
    }

    /// <summary>Work of <see cref="Run"/>, in evaluations of a unit's trajectories.</summary>
    public double Work => _run.Work + (_plans.Length == 0 ? 0 : AddedVariance.Work(_run.Context.Options, _plans.Length));

    /// <summary>Measures all variants.</summary>
    public void Run()
    {
        _run.CollectActivations();
        _run.QuantizeWeights();
        _run.CollectNoise();
        if (_plans.Length == 0) return;
        StepDecision[][] measured = AddedVariance.Measure(_run, [.. _plans.Select(p => (Uncorrected(p.Variant), p.Plan, p.Variant))]);
        for (int i = 0; i < _plans.Length; i++) _corrected[_plans[i]] = measured[i];
    }

    /// <summary>Weights of a variant.</summary>
    public QuantizedTensors Tensors(QuantizationVariant variant) => _run.TensorsOf(variant);

    /// <summary>A variant's steps under a plan.</summary>
    public StepDecision[] Steps(QuantizationVariant variant, CorrectionPlan plan) => _corrected.GetValueOrDefault((variant, plan with { Variance = true })) ?? Uncorrected(variant);

    /// <summary>The calibration of a variant with what reads the state in floating point; null where it is so anyway. Ranges and integers of the rest stay.</summary>
    public CalibrationRun? WithFloatingInput(QuantizationVariant variant)
    {
        string[] entering = [.. QuantizedNetwork.Entering(_run.Context.Model.Network).Except(_run.Context.Options.Skip)];
        if (entering.Length == 0) return null;
        CalibrationRun run = _run.Leaving(entering, [variant]);
        run.QuantizeWeights();
        return run;
    }

    /// <summary>The calibration of a variant with ranges that clip less. Integers stay.</summary>
    public CalibrationRun WithWeightedClipping(QuantizationVariant variant)
    {
        CalibrationRun run = _run.ClippingLess([variant]);
        run.QuantizeWeights();
        return run;
    }

    /// <summary>The manifest of some steps, whose weights are those of <paramref name="variant"/>.</summary>
    /// <param name="variant">Gives network and weights.</param>
    /// <param name="steps">Of variants with the same weights; their bits may differ.</param>
    /// <param name="plan">Corrections.</param>
    /// <param name="policy">How the bits were chosen.</param>
    public CalibrationManifest Manifest(QuantizationVariant variant, IReadOnlyList<StepDecision> steps, CorrectionPlan plan, string policy) => _run.Manifest(variant, steps, plan, policy);

    private StepDecision[] Uncorrected(QuantizationVariant variant) => _run.Steps(Enumerable.Repeat(variant, _run.Context.Options.Evaluations));
}
