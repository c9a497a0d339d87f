namespace Specializer.Calibration;

/// <summary>Measures what corrected predictions on FP32 states add to the variance of the next state: see <see cref="StepMean"/>.</summary>
internal sealed class AddedVariance
{
    private readonly StepDecision[] _steps;
    private readonly MeanCorrection[] _corrections;
    private readonly InterpretedStep[] _parameters;
    private readonly CanonicalSum<JointMoments>[] _moments;
    private readonly LearnedNoise[] _learned;
    private readonly StepMean _mean;
    private readonly bool _paper, _needsAll;
    private readonly int _channels;
    private readonly NoCondition _none;

    /// <param name="steps">As fitted.</param>
    /// <param name="plan">Correction of the mean, and which variance is meant.</param>
    /// <param name="needsAll">See <see cref="StepMean.NeedsAll"/>.</param>
    /// <param name="channels">Of an image.</param>
    /// <param name="none">What guidance leads away from; null for nothing.</param>
    public AddedVariance(StepDecision[] steps, CorrectionPlan plan, bool needsAll, int channels, NoCondition? none = null)
    {
        (_steps, _needsAll, _channels, _none) = (steps, needsAll, channels, none ?? -1);
        _corrections = [.. steps.Select(s => s.Mean(plan))];
        _parameters = [.. steps.Select(s => s.Parameters(plan))];
        _moments = [.. steps.Select(_ => new CanonicalSum<JointMoments>(JointMoments.Sum))];
        _learned = [.. steps.Select(_ => new LearnedNoise())];
        _mean = new(channels);
        _paper = plan.PaperVariance;
    }

    /// <summary>Measures several plans on the trajectories that ranges come from; they share FP32's evaluations.</summary>
    /// <param name="run">Whose noise is collected.</param>
    /// <param name="plans">Steps as fitted, what corrects them, and whose weights they run with.</param>
    /// <returns>Of each plan the steps with their measured gains.</returns>
    public static StepDecision[][] Measure(CalibrationRun run, IReadOnlyList<(StepDecision[] Steps, CorrectionPlan Plan, QuantizationVariant Weights)> plans)
    {
        CalibrationContext context = run.Context;
        AddedVariance[] gains = [.. plans.Select(p => new AddedVariance(p.Steps, p.Plan, StepMean.NeedsAll(context.Program), context.Model.Channels, context.Model.NoCondition))];
        var evaluators = plans.Select(p => run.TensorsOf(p.Weights)).Distinct().ToDictionary(tensors => tensors, tensors => run.Evaluator(plans.First(p => run.TensorsOf(p.Weights) == tensors).Weights));
        try
        {
            using ReferenceTrajectories reference = context.Reference();
            for (int unit = 0; unit < ReferenceTrajectories.UnitsOf(context.Options.RangeTrajectories); unit++)
            {
                foreach (TrajectoryState state in reference.Run(unit, cancellation: context.Cancellation))
                {
                    for (int i = 0; i < gains.Length; i++) gains[i].Add(state, evaluators[run.TensorsOf(plans[i].Weights)], context.Cancellation);
                    context.Report("added variance", Work(context.Options, gains.Length) / ReferenceTrajectories.UnitsOf(context.Options.RangeTrajectories) / context.Options.Evaluations);
                }
            }
        }
        finally
        {
            foreach (NetworkEvaluator evaluator in evaluators.Values) evaluator.Dispose();
        }

        return [.. gains.Select(g => g.Steps)];
    }

    /// <summary>Work of <see cref="Measure"/>, in evaluations of a unit's trajectories.</summary>
    public static double Work(CalibrationOptions options, int plans) => ReferenceTrajectories.UnitsOf(options.RangeTrajectories) * (WorkShares.Halves(options) + plans * WorkShares.Measured);

    /// <summary>Adds a unit's states at one step; a step without noise of its own needs none.</summary>
    public void Add(TrajectoryState state, NetworkEvaluator quantized, CancellationToken cancellation)
    {
        JointMoments[] images = _mean.Moments(state, _steps[state.Step], _parameters[state.Step], quantized, _needsAll, _none, cancellation);
        if (images.Length == 0) return;
        if (_steps[state.Step].Evaluation.Learned is { } learned) _learned[state.Step].Add(learned, state.Variance, quantized.Variance);
        var unit = new JointMoments(_channels, 2);
        foreach (JointMoments image in images) unit.Merge(image);
        _moments[state.Step].Add((int)(state.FirstImage / ReferenceTrajectories.UnitImages), unit);
    }

    /// <summary>The steps with their measured gains.</summary>
    public StepDecision[] Steps => [.. _steps.Select((s, i) =>
    {
        if (!(_corrections[i].RemainingVariance > 0) || _moments[i].Total is not { } moments) return s;
        double added = _paper ? StepMean.ErrorVariance(moments) : StepMean.AddedVariance(moments);
        if (s.Evaluation.Learned is null) return s with { ErrorGain = Gain(added) };
        LearnedNoise learned = _learned[i];
        return s with { ErrorGain = Gain(learned.Removed(learned.Reference - added)), Learned = (learned.Said, added + learned.Said - learned.Reference) };

        double Gain(double variance) => Math.CopySign(Math.Sqrt(Math.Abs(variance) / _corrections[i].RemainingVariance), variance);
    })];
}
