using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>Measures what corrected predictions on FP32 states add to the variance of the next state: see <see cref="StepMean"/>.</summary>
internal sealed class AddedVariance
{
    private readonly StepDecision[] _steps;
    private readonly MeanCorrection[] _corrections;
    private readonly InterpretedStep[] _parameters;
    private readonly CanonicalSum<JointMoments>[] _moments;
    private readonly bool _paper;
    private readonly int _channels, _nullLabel;

    /// <param name="steps">As fitted.</param>
    /// <param name="plan">Correction of the mean, and which variance is meant.</param>
    /// <param name="channels">Of an image.</param>
    /// <param name="nullLabel">The label that means "none", for guidance.</param>
    public AddedVariance(StepDecision[] steps, CorrectionPlan plan, int channels, int nullLabel = -1)
    {
        (_steps, _channels, _nullLabel) = (steps, channels, nullLabel);
        _corrections = [.. steps.Select(s => s.Mean(plan))];
        _parameters = [.. steps.Select(s => s.Parameters(plan))];
        _moments = [.. steps.Select(_ => new CanonicalSum<JointMoments>(JointMoments.Sum))];
        _paper = plan.PaperVariance;
    }

    /// <summary>Adds a unit's states at one step; a step without noise of its own needs none.</summary>
    public void Add(TrajectoryState state, NetworkEvaluator quantized, CancellationToken cancellation)
    {
        SolverStep step = _steps[state.Step].Solver;
        if (step.Sigma == 0) return;
        float[] corrected = GuidedPrediction.Evaluate(quantized, state.Step, _parameters[state.Step], state.X, state.Labels, _steps[state.Step].Guidance, _nullLabel, cancellation);
        int elements = state.X.Length / state.Images;
        var unit = new JointMoments(_channels, 2);
        for (int i = 0; i < state.Images; i++)
        {
            Range image = (i * elements)..((i + 1) * elements);
            unit.Merge(StepMean.Moments(
                state.X.AsSpan(image), state.Prediction.AsSpan(image), corrected.AsSpan(image), _steps[state.Step].Coefficients, _channels));
        }

        _moments[state.Step].Add((int)(state.FirstImage / ReferenceTrajectories.UnitImages), unit);
    }

    /// <summary>The steps with their measured gains.</summary>
    public StepDecision[] Steps => [.. _steps.Select((s, i) =>
    {
        if (!(_corrections[i].RemainingVariance > 0) || _moments[i].Total is not { } moments) return s;
        double added = _paper ? StepMean.ErrorVariance(moments) : StepMean.AddedVariance(moments);
        return s with { ErrorGain = Math.CopySign(Math.Sqrt(Math.Abs(added) / _corrections[i].RemainingVariance), added) };
    })];
}
