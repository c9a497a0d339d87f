namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = (x − mean) / √(variance + epsilon) · γ + β over the channels of each pixel.</summary>
    /// <param name="weights">Gamma and beta.</param>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result; may be <paramref name="x"/>.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void LayerNormalize<TShape>(NormWeights weights, Activation x, Activation y, float epsilon, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>The same, quantized in the same pass: what follows, three projections for example, reads it once more and no FP32 map is written.</summary>
    /// <param name="weights">Gamma and beta.</param>
    /// <param name="x">FP32 map.</param>
    /// <param name="q">Quantized result.</param>
    /// <param name="to">Its quantization.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void LayerNormalizeQuantize<TShape>(NormWeights weights, Activation x, Activation q, Quantization to, float epsilon, TShape shape = default)
        where TShape : struct, IMapShape;
}
