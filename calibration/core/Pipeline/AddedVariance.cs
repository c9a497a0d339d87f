using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>Where x₀ is clipped a step is not linear in ε: how much of an error reaches the next state is measured, with corrected predictions on FP32 states.</summary>
internal sealed class ClippingGain
{
    private readonly StepDecision[] _steps;
    private readonly MeanCorrection[] _corrections;
    private readonly InterpretedStep[] _parameters;
    private readonly JointMoments[] _moments;
    private readonly int _channels, _nullLabel;

    /// <param name="steps">As fitted.</param>
    /// <param name="plan">Correction of the mean.</param>
    /// <param name="channels">Of an image.</param>
    /// <param name="nullLabel">The label that means "none", for guidance.</param>
    public ClippingGain(StepDecision[] steps, CorrectionPlan plan, int channels, int nullLabel = -1)
    {
        (_steps, _channels, _nullLabel) = (steps, channels, nullLabel);
        _corrections = [.. steps.Select(s => s.Mean(plan))];
        _parameters = [.. steps.Select(s => s.Parameters(plan))];
        _moments = [.. steps.Select(_ => new JointMoments(channels, 2))];
    }

    /// <summary>Adds a unit's states at one step; a step without noise of its own needs none.</summary>
    public void Add(TrajectoryState state, NetworkEvaluator quantized, CancellationToken cancellation)
    {
        SolverStep step = _steps[state.Step].Solver;
        if (step.Sigma == 0) return;
        float[] corrected = GuidedPrediction.Evaluate(quantized, state.Step, _parameters[state.Step], state.X, state.Labels, _steps[state.Step].Guidance, _nullLabel, cancellation);
        int elements = state.X.Length / state.Images;
        for (int i = 0; i < state.Images; i++)
        {
            Range image = (i * elements)..((i + 1) * elements);
            _moments[state.Step].Merge(ClippedStep.Moments(
                state.X.AsSpan(image), state.Prediction.AsSpan(image), corrected.AsSpan(image), _steps[state.Step].Coefficients, _channels));
        }
    }

    /// <summary>The steps with their measured gains.</summary>
    public StepDecision[] Steps => [.. _steps.Select((s, i) => s.Solver.Sigma == 0 || !(_corrections[i].RemainingVariance > 0) ? s
        : s with { ErrorGain = Math.Sqrt(ClippedStep.AddedVariance(_moments[i]) / _corrections[i].RemainingVariance) })];
}
