namespace Specializer.Schedulers;

/// <summary>Ancestral sampling of Ho et al. 2020 (eq. 6 and 7), with the β of the jump actually taken.</summary>
public sealed class DdpmScheduler : Scheduler
{
    /// <summary>The library's lower bound on the variance; noise of this size is none.</summary>
    private const double LeastVariance = 1e-20;

    /// <summary>Prepares a run.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="steps">Steps of the run, from 1 to T.</param>
    /// <exception cref="ArgumentException">Steps out of range, or a step that is undefined.</exception>
    public DdpmScheduler(SchedulerConfiguration configuration, int steps)
        : base(configuration, steps, endsAtOne: true, followsList: true, (t, alphaBar, previous) => Form(configuration, t, alphaBar, previous))
    {
    }

    /// <inheritdoc/>
    public override bool LearnedVariance => Configuration.VarianceType is VarianceType.Learned or VarianceType.LearnedRange;

    private static StepForm Form(SchedulerConfiguration configuration, int t, double alphaBar, double previous)
    {
        var alpha = alphaBar / previous;
        var beta = 1 - alpha;
        var (fromSample, fromModel) = Original(configuration.PredictionType, alphaBar);
        return new(fromSample, fromModel,
            FromX0: Math.Sqrt(previous) * beta / (1 - alphaBar),
            FromSample: Math.Sqrt(alpha) * (1 - previous) / (1 - alphaBar),
            FromModel: 0,
            Sigma: t == 0 ? 0 : Math.Sqrt(configuration.VarianceType == VarianceType.FixedLarge ? beta : SmallVariance(alphaBar, previous)));
    }

    private static double SmallVariance(double alphaBar, double previous)
    {
        var variance = (1 - previous) / (1 - alphaBar) * (1 - alphaBar / previous);
        return variance > LeastVariance ? variance : 0;
    }

    private protected override double LearnedSigma(int index, double prediction)
    {
        if (Configuration.VarianceType == VarianceType.Learned)
            return Math.Sqrt(prediction);
        var step = Steps[index];
        var least = Math.Log(Math.Max(step.Sigma * step.Sigma, LeastVariance));
        var most = Math.Log(1 - step.AlphaBar / step.AlphaBarPrevious);
        var share = (prediction + 1) / 2;
        return Math.Exp(0.5 * (share * most + (1 - share) * least));
    }
}
