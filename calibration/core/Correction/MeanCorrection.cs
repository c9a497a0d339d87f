using Specializer.Kernels;

namespace Specializer.Calibration;

/// <summary>An affine map per channel, ε̃ = Gain·ε̂ + Offset[channel], that folds into the output convolution and costs nothing.</summary>
/// <param name="Gain">1/(1+k), c, or 1.</param>
/// <param name="Offset">Per channel.</param>
/// <param name="RemainingVariance">Variance of what is left in ε̃ beside ε and is uncorrelated with it (or, with a clamped k, treated as such): Gain²·σ_q².</param>
/// <param name="Fallback">Why the correction that was asked for is not applied.</param>
internal sealed record MeanCorrection(double Gain, double[] Offset, double RemainingVariance, MeanFallback Fallback = MeanFallback.None)
{
    /// <summary>Smallest |1 + k| that may be divided by. Below it the quantized prediction has lost its signal, and dividing would multiply the noise by more than four.</summary>
    public const double SmallestDivisor = GuidanceCorrection.SmallestDivisor;

    /// <summary>Derives the map from a step's fit.</summary>
    /// <param name="kind">What is asked for.</param>
    /// <param name="fit">Statistics of the step.</param>
    /// <param name="clampK">Use max(k, 0), as the paper does; concerns <see cref="MeanCorrectionKind.Divide"/> only.</param>
    public static MeanCorrection Of(MeanCorrectionKind kind, NoiseFit fit, bool clampK) => kind switch
    {
        MeanCorrectionKind.Divide => Divide(fit.With(clampK ? Math.Max(fit.K, 0) : fit.K)),
        MeanCorrectionKind.Mmse => Mmse(fit),
        _ => Off(fit, MeanFallback.None),
    };

    private static MeanCorrection Divide(NoiseFit fit)
    {
        double divisor = 1 + fit.K;
        return Math.Abs(divisor) < SmallestDivisor
            ? Off(fit, MeanFallback.DivisorNearZero)
            : new(1 / divisor, Array.ConvertAll(fit.Bias, mu => -mu / divisor), fit.ResidualVariance / (divisor * divisor));
    }

    private static MeanCorrection Mmse(NoiseFit fit)
    {
        double predicted = fit.SignalVariance + 2 * fit.Covariance + fit.NoiseVariance;
        if (!(predicted > 0)) return Off(fit, MeanFallback.ConstantPrediction);
        double c = (fit.SignalVariance + fit.Covariance) / predicted;
        var offset = new double[fit.SignalMeans.Length];
        for (int i = 0; i < offset.Length; i++) offset[i] = fit.SignalMeans[i] - c * (fit.SignalMeans[i] + fit.NoiseMeans[i]);
        return new(c, offset, c * c * fit.ResidualVariance);
    }

    private static MeanCorrection Off(NoiseFit fit, MeanFallback reason) =>
        new(1, new double[fit.SignalMeans.Length], fit.With(0).ResidualVariance, reason);
}
