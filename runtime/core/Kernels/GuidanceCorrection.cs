namespace Specializer.Kernels;

/// <summary>k, μ and σ' for a guidance scale, from the joint moments (docs/method.md, section 2 and 3), in double precision.</summary>
/// <param name="Gain">1/(1+k); 1 when the mean is not corrected.</param>
/// <param name="Sigma">σ' of the injected noise.</param>
internal readonly record struct GuidanceCorrection(float Gain, float Sigma)
{
    /// <param name="moments">Of one step.</param>
    /// <param name="guidance">Scale g; the weights are w = (1−g, g) over (unconditional, conditional).</param>
    /// <param name="offsets">Receives −μ/(1+k) per channel; 0 when the mean is not corrected.</param>
    public static GuidanceCorrection Of(in GuidanceMoments moments, float guidance, Span<float> offsets)
    {
        if (moments.Covariance.Length != 16 || moments.Means.Length != 4 * offsets.Length)
            throw new ArgumentException($"Guidance moments need 16 covariances and {4 * offsets.Length} means, not {moments.Covariance.Length} and {moments.Means.Length}.", nameof(moments));
        double u = 1.0 - guidance, c = guidance;
        double variance = Quadratic(moments.Covariance, 0, 0, u, c), covariance = Quadratic(moments.Covariance, 0, 2, u, c);
        double k = variance > 0 ? covariance / variance : 0;
        if (moments.ClampK) k = Math.Max(k, 0);
        double gain = 1 / (1 + k);
        double residual = Math.Max(Quadratic(moments.Covariance, 2, 2, u, c) - 2 * k * covariance + k * k * variance, 0);
        for (int channel = 0; channel < offsets.Length; channel++)
        {
            ReadOnlySpan<float> means = moments.Means.Slice(4 * channel, 4);
            double mu = u * means[2] + c * means[3] - k * (u * means[0] + c * means[1]);
            offsets[channel] = moments.CorrectMean ? (float)(-mu * gain) : 0f;
        }

        double sigma = moments.Sigma, lambda = moments.Lambda;
        if (moments.CorrectVariance) sigma = Math.Sqrt(Math.Max(sigma * sigma - lambda * lambda * residual * gain * gain, 0));
        return new(moments.CorrectMean ? (float)gain : 1f, (float)sigma);
    }

    /// <summary>wᵀBw of the 2×2 block that starts at (row, column) of the 4×4 matrix.</summary>
    private static double Quadratic(ReadOnlySpan<float> matrix, int row, int column, double u, double c)
    {
        double uu = matrix[4 * row + column], uc = matrix[4 * row + column + 1], cu = matrix[4 * row + column + 4], cc = matrix[4 * row + column + 5];
        return u * u * uu + u * c * (uc + cu) + c * c * cc;
    }
}
