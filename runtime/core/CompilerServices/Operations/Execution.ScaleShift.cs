namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = x·(1 + s[c]) + b[c] with s and b from the step vectors.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result; may be <paramref name="x"/>.</param>
    /// <param name="vector">First element of s among the step vectors; b follows.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void ScaleShift<TShape>(Activation x, Activation y, int vector, TShape shape = default)
        where TShape : struct, IMapShape;
}
