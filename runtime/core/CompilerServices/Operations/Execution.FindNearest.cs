namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y[pixel] = the row of a codebook with the least squared distance to x[pixel], the first of equals (van den Oord et al. 2017).</summary>
    /// <param name="weights">The codebook [rows, channels].</param>
    /// <param name="x">FP32 map.</param>
    /// <param name="y">FP32 result.</param>
    /// <param name="rows">Rows of the codebook.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void FindNearest<TShape>(TableWeights weights, Activation x, Activation y, int rows, TShape shape = default)
        where TShape : struct, IMapShape;
}
