namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = x + b[c], or y = x·(1 + s[c]) + b[c], with b, or s and then b, from a map of one pixel.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="condition">FP32 map of one pixel.</param>
    /// <param name="y">FP32 result; may be <paramref name="x"/>.</param>
    /// <param name="scales">Whether the condition holds s.</param>
    /// <param name="shape">Static shape of <paramref name="x"/> and <paramref name="y"/>.</param>
    public abstract void Modulate<TShape>(Activation x, Activation condition, Activation y, bool scales, TShape shape = default)
        where TShape : struct, IMapShape;
}
