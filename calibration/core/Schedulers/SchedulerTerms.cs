namespace Specializer.Calibration;

/// <summary>How β_t runs over the training timesteps.</summary>
internal enum BetaSchedule
{
    /// <summary>Evenly from β_start to β_end.</summary>
    Linear,
    /// <summary>√β evenly: what latent diffusion calls linear.</summary>
    ScaledLinear,
    /// <summary>From ᾱ(s) = cos²((s + 0.008)/1.008·π/2), β at most 0.999 (Nichol and Dhariwal 2021).</summary>
    SquaredCosine,
    /// <summary>A sigmoid over [−6, 6] scaled to [β_start, β_end].</summary>
    Sigmoid,
    /// <summary>From ᾱ(s) = e^(−12s), β at most 0.999.</summary>
    Exponential,
}

/// <summary>What the network predicts.</summary>
internal enum PredictionType
{
    /// <summary>The noise ε.</summary>
    Epsilon,
    /// <summary>The original x₀.</summary>
    Sample,
    /// <summary>v = √ᾱ·ε − √(1−ᾱ)·x₀.</summary>
    VPrediction,
}

/// <summary>Which of the training timesteps are visited.</summary>
internal enum TimestepSpacing
{
    /// <summary>Multiples of T/n, from 0.</summary>
    Leading,
    /// <summary>Evenly from 0 to T − 1.</summary>
    Linspace,
    /// <summary>T − 1 downwards in strides of T/n.</summary>
    Trailing,
}

/// <summary>The variance of DDPM's noise.</summary>
internal enum VarianceType
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
