namespace Specializer.Schedulers;

/// <summary>Song et al. 2021 (eq. 12): deterministic for η = 0, DDPM's noise for η = 1.</summary>
public sealed class DdimScheduler : Scheduler
{
    /// <summary>Prepares a run.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="steps">Steps of the run, from 1 to T.</param>
    /// <param name="eta">η, in [0, 1].</param>
    /// <param name="useClippedModelOutput">Derive ε from the clipped original again, as the argument of diffusers' <c>step</c> does.</param>
    /// <exception cref="ArgumentException">Steps or η out of range, or a step that is undefined.</exception>
    public DdimScheduler(SchedulerConfiguration configuration, int steps, double eta = 0, bool useClippedModelOutput = false)
        : base(configuration, steps, configuration.SetAlphaToOne, followsList: false,
            (_, alphaBar, previous) => Form(configuration, eta, useClippedModelOutput, alphaBar, previous)) =>
        Eta = eta;

    /// <summary>η.</summary>
    public double Eta { get; }

    /// <inheritdoc/>
    public override bool LearnedVariance => false;

    private static StepForm Form(SchedulerConfiguration configuration, double eta, bool useClippedModelOutput, double alphaBar, double previous)
    {
        if (eta is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(eta), eta, "η lies in [0, 1].");
        var sigma = eta * Math.Sqrt((1 - previous) / (1 - alphaBar) * (1 - alphaBar / previous));
        var direction = Math.Sqrt(Math.Max(1 - previous - sigma * sigma, 0));
        var (originalFromSample, originalFromModel) = Original(configuration.PredictionType, alphaBar);
        if (useClippedModelOutput)
        {
            // ε = (x − √ᾱ·x₀)/√(1−ᾱ), so the network's output enters through the clipped original alone.
            return new(originalFromSample, originalFromModel,
                FromX0: Math.Sqrt(previous) - direction * Math.Sqrt(alphaBar) / Math.Sqrt(1 - alphaBar),
                FromSample: direction / Math.Sqrt(1 - alphaBar), FromModel: 0, sigma);
        }
        var (noiseFromSample, noiseFromModel) = Noise(configuration.PredictionType, alphaBar);
        return new(originalFromSample, originalFromModel,
            FromX0: Math.Sqrt(previous), FromSample: direction * noiseFromSample, FromModel: direction * noiseFromModel, sigma);
    }
}
