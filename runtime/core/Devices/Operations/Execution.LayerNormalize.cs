namespace Specializer;

public abstract partial class Execution
{
    /// <summary>y = (x − mean) / √(variance + epsilon) · γ + β over the channels of each pixel.</summary>
    /// <param name="weights">Gamma and beta.</param>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result; may be <paramref name="x"/>.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="shape">Static shape.</param>
    /// <exception cref="NotSupportedException">This device has no such operation yet.</exception>
    public virtual void LayerNormalize<TShape>(NormWeights weights, Activation x, Activation y, float epsilon, TShape shape = default)
        where TShape : struct, IMapShape => throw NotOnThisDevice();
}
