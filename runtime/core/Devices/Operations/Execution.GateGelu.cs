namespace Specializer;

public abstract partial class Execution
{
    /// <summary>y = a·gelu(b), where the map x holds a and b side by side (GEGLU, Shazeer 2020).</summary>
    /// <param name="x">FP32 map of twice the channels.</param>
    /// <param name="y">FP32 result.</param>
    /// <param name="shape">Static shape.</param>
    /// <exception cref="NotSupportedException">This device has no such operation yet.</exception>
    public virtual void GateGelu<TShape>(Activation x, Activation y, TShape shape = default)
        where TShape : struct, IMapShape => throw NotOnThisDevice();
}
