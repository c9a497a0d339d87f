namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = a·gelu(b), where the map x holds a and b side by side (GEGLU, Shazeer 2020).</summary>
    /// <param name="x">FP32 map of twice the channels.</param>
    /// <param name="y">FP32 result.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void GateGelu<TShape>(Activation x, Activation y, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>The same, quantized in the same pass.</summary>
    /// <param name="x">FP32 map of twice the channels.</param>
    /// <param name="q">Quantized result.</param>
    /// <param name="to">Its quantization.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void GateGeluQuantize<TShape>(Activation x, Activation q, Quantization to, TShape shape = default)
        where TShape : struct, IMapShape;
}
