using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>Joint moments of (ε_u, ε_c, Δ_u, Δ_c) at one step, from which k, μ and σ_q follow for any guidance scale g, with w = (1−g, g):
/// V = wᵀΣ_εε w, C = wᵀΣ_εΔ w, k = C/V, μ = wᵀE[Δ] − k·wᵀE[ε], σ_q² = wᵀΣ_ΔΔ w − 2kC + k²V.</summary>
/// <param name="covariance">Pooled centred covariance, 4×4 row-major, order (ε_u, ε_c, Δ_u, Δ_c).</param>
/// <param name="means">Per channel the four means in the same order: [channel·4 + i].</param>
/// <param name="lambda">λ·|λ| times what remains of the noise is the variance that quantization adds to the next state, or c; negative where it takes variance away (docs/method.md).</param>
/// <param name="sigma">The sampler's own σ at this step.</param>
/// <param name="clampK">True to use max(k, 0), as the paper does; concerns <see cref="MeanCorrectionKind.Divide"/> only.</param>
/// <param name="mean">How the mean is corrected.</param>
/// <param name="correctVariance">False to leave σ alone.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly ref struct GuidanceMoments(
    ReadOnlySpan<float> covariance, ReadOnlySpan<float> means, float lambda, float sigma, bool clampK, MeanCorrectionKind mean, bool correctVariance)
{
    /// <summary>4×4 row-major.</summary>
    public ReadOnlySpan<float> Covariance { get; } = covariance;
    /// <summary>[channel·4 + i].</summary>
    public ReadOnlySpan<float> Means { get; } = means;
    /// <summary>Factor of the prediction's error in the next state.</summary>
    public float Lambda { get; } = lambda;
    /// <summary>The sampler's own σ.</summary>
    public float Sigma { get; } = sigma;
    /// <summary>Whether a negative k becomes 0.</summary>
    public bool ClampK { get; } = clampK;
    /// <summary>How the mean is corrected.</summary>
    public MeanCorrectionKind Mean { get; } = mean;
    /// <summary>Whether the mean is corrected.</summary>
    public bool CorrectMean => Mean != MeanCorrectionKind.Off;
    /// <summary>Whether σ is corrected.</summary>
    public bool CorrectVariance { get; } = correctVariance;
}
