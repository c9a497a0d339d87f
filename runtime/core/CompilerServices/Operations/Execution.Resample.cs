namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>Halves a map by averaging 2×2 pixels, or doubles it by repeating each.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result, whose shape is given.</param>
    /// <param name="halve">Whether to halve; else to double.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void Resample<TShape>(Activation x, Activation y, bool halve, TShape shape = default)
        where TShape : struct, IMapShape;
}
