namespace Specializer.Calibration;

/// <summary>The decomposition Δ = k·ε + Δ' of one step's quantization noise (docs/method.md, "Noise"), for the prediction after guidance.</summary>
/// <param name="K">Factor k used in the decomposition: Cov(ε, Δ)/Var(ε) as fitted, or what <see cref="With"/> was given.</param>
/// <param name="SignalVariance">V = Var(ε), centred per channel, pooled.</param>
/// <param name="Covariance">C = Cov(ε, Δ).</param>
/// <param name="NoiseVariance">D = Var(Δ).</param>
/// <param name="SignalMeans">E[ε] per channel.</param>
/// <param name="NoiseMeans">E[Δ] per channel.</param>
internal sealed record NoiseFit(double K, double SignalVariance, double Covariance, double NoiseVariance, double[] SignalMeans, double[] NoiseMeans)
{
    /// <summary>μ_q per channel: the mean of the residual Δ' = Δ − kε, not of Δ.</summary>
    public double[] Bias => [.. NoiseMeans.Zip(SignalMeans, (delta, epsilon) => delta - K * epsilon)];

    /// <summary>σ_q², the pooled variance of Δ' − μ_q.</summary>
    public double ResidualVariance => Math.Max(0, NoiseVariance - 2 * K * Covariance + K * K * SignalVariance);

    /// <summary>Share of Δ's variance that the fitted k explains; 0 when there is no noise.</summary>
    public double RSquared => NoiseVariance > 0 && SignalVariance > 0 ? Math.Min(1, Covariance * Covariance / (SignalVariance * NoiseVariance)) : 0;

    /// <summary>20·log₁₀(‖ε‖₂/‖Δ‖₂) in dB, uncentred; infinite when there is no noise, or no signal.</summary>
    public double SnrDb => 20 * Math.Log10(NormRatio);

    /// <summary>‖ε‖₂/‖Δ‖₂: SNR^Q of the bit-width rule.</summary>
    public double NormRatio
    {
        get
        {
            double noise = Power(NoiseVariance, NoiseMeans);
            return noise > 0 ? Math.Sqrt(Power(SignalVariance, SignalMeans) / noise) : double.PositiveInfinity;
        }
    }

    /// <summary>The same moments, decomposed with another k.</summary>
    public NoiseFit With(double k) => this with { K = k };

    /// <summary>Fits the decomposition.</summary>
    /// <param name="moments">Of (ε, Δ), or of (ε_u, ε_c, Δ_u, Δ_c).</param>
    /// <param name="guidance">Scale g, weights (1 − g, g); ignored for two variables.</param>
    public static NoiseFit Of(JointMoments moments, double guidance = 1)
    {
        ReadOnlySpan<double> w = moments.Variables == 2 ? [1] : [1 - guidance, guidance];
        int half = moments.Variables / 2;
        double v = Quadratic(moments, w, 0, 0), c = Quadratic(moments, w, 0, half), d = Quadratic(moments, w, half, half);
        var signal = new double[moments.Channels];
        var noise = new double[moments.Channels];
        for (int channel = 0; channel < moments.Channels; channel++)
        {
            for (int i = 0; i < half; i++)
            {
                signal[channel] += w[i] * moments.Mean(channel, i);
                noise[channel] += w[i] * moments.Mean(channel, half + i);
            }
        }

        return new(v > 0 ? c / v : 0, v, c, d, signal, noise);
    }

    private static double Quadratic(JointMoments moments, ReadOnlySpan<double> w, int row, int column)
    {
        double sum = 0;
        for (int i = 0; i < w.Length; i++)
        {
            for (int j = 0; j < w.Length; j++) sum += w[i] * w[j] * moments.Covariance(row + i, column + j);
        }

        return sum;
    }

    private static double Power(double variance, double[] means) => variance + means.Average(m => m * m);
}
