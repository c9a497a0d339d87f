namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = scale·x + offset.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result; may be <paramref name="x"/>.</param>
    /// <param name="scale">Factor.</param>
    /// <param name="offset">Added.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void MapLinear<TShape>(Activation x, Activation y, float scale, float offset, TShape shape = default)
        where TShape : struct, IMapShape;
}
