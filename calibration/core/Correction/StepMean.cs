using Specializer.Kernels;

namespace Specializer.Calibration;

/// <summary>What a corrected prediction's error does to the next state when x₀ is clipped, measured: where both predictions are clipped alike, the error does not arrive.</summary>
internal static class ClippedStep
{
    /// <summary>The step's mean, without noise.</summary>
    public static float Mean(float x, float prediction, SolverCoefficients c) => SolverWork.Advance(c, x, prediction, 0, 0);

    /// <summary>Moments of (ε, the step's mean error) of one image.</summary>
    /// <param name="x">State, NHWC.</param>
    /// <param name="reference">ε.</param>
    /// <param name="corrected">ε̃.</param>
    /// <param name="c">The step.</param>
    /// <param name="channels">Channels.</param>
    public static JointMoments Moments(ReadOnlySpan<float> x, ReadOnlySpan<float> reference, ReadOnlySpan<float> corrected, SolverCoefficients c, int channels)
    {
        // JointMoments subtracts its reference, so it is handed ε + error.
        var shifted = new float[x.Length];
        for (int i = 0; i < x.Length; i++)
            shifted[i] = reference[i] + (Mean(x[i], corrected[i], c) - Mean(x[i], reference[i], c));
        return JointMoments.Of(reference, shifted, channels);
    }

    /// <summary>Variance that the error brings into the next state, the part that follows ε left out, as in a linear step.</summary>
    public static double AddedVariance(JointMoments moments) => NoiseFit.Of(moments).ResidualVariance;
}
