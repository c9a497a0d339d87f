using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>x = α·x₀ + σ·ε with α² + σ² = 1, and what a prediction of the network says at that level.</summary>
/// <param name="Alpha">α.</param>
/// <param name="Sigma">σ.</param>
internal readonly record struct NoiseLevel(double Alpha, double Sigma)
{
    /// <summary>From ᾱ = α².</summary>
    public static NoiseLevel OfAlphaBar(double alphaBar) => new(Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar));

    /// <summary>From σ/α, by which Karras et al. 2022 count noise.</summary>
    public static NoiseLevel OfRatio(double ratio)
    {
        double alpha = 1 / Math.Sqrt(ratio * ratio + 1);
        return new(alpha, ratio * alpha);
    }

    /// <summary>The factors of x and m in the predicted original.</summary>
    public (double State, double Prediction) OriginalFactors(PredictionType type) => type switch
    {
        PredictionType.Epsilon => (1 / Alpha, -Sigma / Alpha),
        PredictionType.Sample => (0, 1),
        PredictionType.VPrediction => (Alpha, -Sigma),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The factors of x and m in the predicted noise.</summary>
    public (double State, double Prediction) NoiseFactors(PredictionType type) => type switch
    {
        PredictionType.Epsilon => (0, 1),
        PredictionType.Sample => (1 / Sigma, -Alpha / Sigma),
        PredictionType.VPrediction => (Sigma, Alpha),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>The predicted original.</summary>
    /// <param name="type">What m is.</param>
    /// <param name="scale">The state is x/scale: 1, or α where a solver keeps x/α.</param>
    public LinearForm Original(PredictionType type, double scale = 1) => Form(OriginalFactors(type), scale);

    /// <summary>The predicted noise; parameters as for <see cref="Original"/>.</summary>
    public LinearForm Noise(PredictionType type, double scale = 1) => Form(NoiseFactors(type), scale);

    private static LinearForm Form((double State, double Prediction) factors, double scale) =>
        new LinearForm(Register.State, factors.State * scale) + new LinearForm(Register.Prediction, factors.Prediction);
}
