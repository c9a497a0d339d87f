namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y = x[pixel], the first pixel whose number is <paramref name="id"/>; the first of all where none is.</summary>
    /// <param name="x">FP32 map.</param>
    /// <param name="ids">FP32 map of one channel, a number for each pixel.</param>
    /// <param name="y">FP32 result of one pixel.</param>
    /// <param name="id">The number.</param>
    /// <param name="shape">Static shape of <paramref name="x"/>.</param>
    public abstract void Select<TShape>(Activation x, Activation ids, Activation y, int id, TShape shape = default)
        where TShape : struct, IMapShape;
}
