namespace Specializer.Kernels;

/// <summary>The affine map that corrects a guided prediction, σ' and c, from the joint moments (docs/method.md), in double precision.</summary>
/// <param name="Gain">1/(1+k), c, or 1 when the mean is not corrected.</param>
/// <param name="Sigma">σ' of the injected noise.</param>
/// <param name="Removed">c, where the network says the noise's variance.</param>
internal readonly record struct GuidanceCorrection(float Gain, float Sigma, float Removed = 0)
{
    /// <summary>Where a row of numbers that a device takes for an image has its guidance and gain, and its offsets from where on.</summary>
    public const int GuidanceAt = 0, GainAt = 1, FirstOffset = 2;

    /// <summary>Numbers of such a row.</summary>
    public static int RowLength(int channels) => FirstOffset + channels;

    /// <summary>Smallest |1 + k| that may be divided by. Below it the quantized prediction has lost its signal, and dividing would multiply the noise by more than four.</summary>
    public const double SmallestDivisor = 0.25;

    /// <param name="moments">Of one step.</param>
    /// <param name="guidance">Scale g; the weights are w = (1−g, g) over (unconditional, conditional).</param>
    /// <param name="offsets">Receives what is added per channel after the gain; 0 when the mean is not corrected.</param>
    public static GuidanceCorrection Of(in GuidanceMoments moments, float guidance, Span<float> offsets)
    {
        if (moments.Covariance.Length != 16 || moments.Means.Length != 4 * offsets.Length)
            throw new ArgumentException($"Guidance moments need 16 covariances and {4 * offsets.Length} means, not {moments.Covariance.Length} and {moments.Means.Length}.", nameof(moments));
        double u = 1.0 - guidance, c = guidance;
        double variance = Quadratic(moments.Covariance, 0, 0, u, c), covariance = Quadratic(moments.Covariance, 0, 2, u, c), noise = Quadratic(moments.Covariance, 2, 2, u, c);
        double fitted = variance > 0 ? covariance / variance : 0, k = fitted, gain = 1, predicted = variance + 2 * covariance + noise;
        MeanCorrectionKind kind = moments.Mean;
        if (kind == MeanCorrectionKind.Divide)
        {
            if (moments.ClampK) k = Math.Max(k, 0);
            if (Math.Abs(1 + k) < SmallestDivisor) kind = MeanCorrectionKind.Off;
            else gain = 1 / (1 + k);
        }
        else if (kind == MeanCorrectionKind.Mmse)
        {
            if (predicted > 0) gain = (variance + covariance) / predicted;
            else kind = MeanCorrectionKind.Off;
        }

        if (kind == MeanCorrectionKind.Off) k = 0;
        for (int channel = 0; channel < offsets.Length; channel++)
        {
            ReadOnlySpan<float> means = moments.Means.Slice(4 * channel, 4);
            double signal = u * means[0] + c * means[1], delta = u * means[2] + c * means[3];
            offsets[channel] = kind switch
            {
                MeanCorrectionKind.Divide => (float)(-(delta - k * signal) * gain),
                MeanCorrectionKind.Mmse => (float)(signal - gain * (signal + delta)),
                _ => 0f,
            };
        }

        double sigma = moments.Sigma, lambda = moments.Lambda, residual = Math.Max(noise - 2 * k * covariance + k * k * variance, 0);
        double added = moments.CorrectVariance ? lambda * Math.Abs(lambda) * residual * gain * gain : 0;
        if (moments.CorrectVariance) sigma = Math.Sqrt(Math.Max(sigma * sigma - added, 0));
        return new((float)gain, (float)sigma, (float)added);
    }

    /// <summary>wᵀBw of the 2×2 block that starts at (row, column) of the 4×4 matrix.</summary>
    private static double Quadratic(ReadOnlySpan<float> matrix, int row, int column, double u, double c)
    {
        double uu = matrix[4 * row + column], uc = matrix[4 * row + column + 1], cu = matrix[4 * row + column + 4], cc = matrix[4 * row + column + 5];
        return u * u * uu + u * c * (uc + cu) + c * c * cc;
    }
}
