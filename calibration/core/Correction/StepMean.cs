using Specializer.Kernels;

namespace Specializer.Calibration;

/// <summary>The mean M of the next state, which is the state without the sampler's noise, and its error E = M̂ − M when the prediction is quantized and corrected
/// (docs/method.md, "Corrections"). Both are bounded as the step bounds them, so that clipped steps need no rule of their own.</summary>
internal static class StepMean
{
    /// <summary>M.</summary>
    public static float Of(float x, float prediction, SolverCoefficients c) => SolverWork.Advance(c, x, prediction, 0, 0);

    /// <summary>Moments of (M, E) of one image.</summary>
    /// <param name="x">State, NHWC.</param>
    /// <param name="reference">ε.</param>
    /// <param name="corrected">ε̃.</param>
    /// <param name="c">The step.</param>
    /// <param name="channels">Channels.</param>
    public static JointMoments Moments(ReadOnlySpan<float> x, ReadOnlySpan<float> reference, ReadOnlySpan<float> corrected, SolverCoefficients c, int channels)
    {
        float[] mean = new float[x.Length], quantized = new float[x.Length];
        for (int i = 0; i < x.Length; i++) (mean[i], quantized[i]) = (Of(x[i], reference[i], c), Of(x[i], corrected[i], c));
        return JointMoments.Of(mean, quantized, channels);
    }

    /// <summary>Var(M̂) − Var(M) = 2·Cov(M, E) + Var(E): what quantization adds to the variance of the next state. Negative where it takes variance away.</summary>
    public static double AddedVariance(JointMoments moments) => 2 * moments.Covariance(0, 1) + moments.Covariance(1, 1);

    /// <summary>Var(E): the same, were the error independent of the state, as the paper takes it to be.</summary>
    public static double ErrorVariance(JointMoments moments) => moments.Covariance(1, 1);
}
