namespace Specializer.Schedulers;

/// <summary>How β_t runs over the training timesteps.</summary>
public enum BetaSchedule
{
    /// <summary>Evenly from β_start to β_end.</summary>
    Linear,
    /// <summary>√β evenly: what latent diffusion calls linear.</summary>
    ScaledLinear,
    /// <summary>From ᾱ(s) = cos²((s + 0.008)/1.008·π/2), β at most 0.999 (Nichol and Dhariwal 2021).</summary>
    SquaredCosine,
    /// <summary>A sigmoid over [−6, 6] scaled to [β_start, β_end].</summary>
    Sigmoid,
}

/// <summary>What the network predicts.</summary>
public enum PredictionType
{
    /// <summary>The noise ε.</summary>
    Epsilon,
    /// <summary>The original x₀.</summary>
    Sample,
    /// <summary>v = √ᾱ·ε − √(1−ᾱ)·x₀.</summary>
    VPrediction,
}

/// <summary>Which of the training timesteps are visited.</summary>
public enum TimestepSpacing
{
    /// <summary>Multiples of T/n, from 0.</summary>
    Leading,
    /// <summary>Evenly from 0 to T − 1.</summary>
    Linspace,
    /// <summary>T − 1 downwards in strides of T/n.</summary>
    Trailing,
}

/// <summary>The variance of DDPM's noise.</summary>
public enum VarianceType
{
    /// <summary>The posterior's, (1−ᾱ_prev)/(1−ᾱ_t)·β.</summary>
    FixedSmall,
    /// <summary>The same, by way of its logarithm.</summary>
    FixedSmallLog,
    /// <summary>β.</summary>
    FixedLarge,
    /// <summary>Predicted by the network.</summary>
    Learned,
    /// <summary>The network interpolates between the logarithms of small and large.</summary>
    LearnedRange,
}

/// <summary>A scheduler's configuration, in the meaning of diffusers v0.30.3. The defaults are those of absent keys.</summary>
public sealed record SchedulerConfiguration
{
    /// <summary>The class name of Ho et al. 2020.</summary>
    public const string Ddpm = "DDPMScheduler";

    /// <summary>The class name of Song et al. 2021.</summary>
    public const string Ddim = "DDIMScheduler";

    /// <summary><see cref="Ddpm"/> or <see cref="Ddim"/>.</summary>
    public required string ClassName { get; init; }

    /// <summary>T, training timesteps; 1 to 1,000,000.</summary>
    public int TrainTimesteps { get; init; } = 1000;

    /// <summary>β of the first timestep.</summary>
    public double BetaStart { get; init; } = 0.0001;

    /// <summary>β of the last timestep.</summary>
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>How β runs in between.</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.Linear;

    /// <summary>Every β, instead of a schedule; T numbers in [0, 1], or null.</summary>
    public IReadOnlyList<float>? TrainedBetas { get; init; }

    /// <summary>DDPM's variance.</summary>
    public VarianceType VarianceType { get; init; } = VarianceType.FixedSmall;

    /// <summary>Clip the predicted original to ±<see cref="ClipSampleRange"/>.</summary>
    public bool ClipSample { get; init; } = true;

    /// <summary>Bound of the clipping; positive.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Dynamic thresholding (Saharia et al. 2022) instead of clipping.</summary>
    public bool Thresholding { get; init; }

    /// <summary>The quantile of |x₀| that becomes the threshold; in [0, 1].</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>Largest threshold.</summary>
    public double SampleMaxValue { get; init; } = 1;

    /// <summary>What the network predicts.</summary>
    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    /// <summary>Which timesteps are visited.</summary>
    public TimestepSpacing TimestepSpacing { get; init; } = TimestepSpacing.Leading;

    /// <summary>Added to every timestep under leading spacing; not negative.</summary>
    public int StepsOffset { get; init; }

    /// <summary>DDIM: the last step's ᾱ_prev is 1; otherwise it is ᾱ_0.</summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Rescale β so that ᾱ of the last timestep is 0 (Lin et al. 2024).</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    /// <summary>Reads the text of a <c>scheduler_config.json</c>. Unknown keys are ignored, absent ones take their defaults.</summary>
    /// <param name="json">The text.</param>
    /// <param name="className">The scheduler to build from it, when not the one it names: diffusers allows that, too.</param>
    /// <exception cref="FormatException">Not JSON, or a value is of the wrong kind or out of range; the message names the key.</exception>
    /// <exception cref="NotSupportedException">A scheduler, schedule or variance that is not implemented.</exception>
    public static SchedulerConfiguration Parse(string json, string? className = null) => SchedulerParser.Parse(json, className);
}
