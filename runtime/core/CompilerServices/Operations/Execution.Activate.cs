namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = f(x), element by element.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result; may be <paramref name="x"/>.</param>
    /// <param name="function">What is applied.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Activate<TShape>(Activation x, Activation y, Nonlinearity function, TShape shape = default)
        where TShape : struct, IMapShape;

    /// <summary>The same, quantized in the same pass.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="q">Quantized result.</param>
    /// <param name="to">Its quantization.</param>
    /// <param name="function">What is applied.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void ActivateQuantize<TShape>(Activation x, Activation q, Quantization to, Nonlinearity function, TShape shape = default)
        where TShape : struct, IMapShape;
}
