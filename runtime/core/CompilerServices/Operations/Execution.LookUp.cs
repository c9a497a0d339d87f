namespace Specializer.CompilerServices;

public abstract partial class Execution
{
    /// <summary>y[token] = table[id[token]] + position[token].</summary>
    /// <param name="weights">The table [rows, channels], then the positions [pixels, channels].</param>
    /// <param name="ids">FP32 map of one channel that holds row numbers.</param>
    /// <param name="y">FP32 result.</param>
    /// <param name="rows">Rows of the table.</param>
    /// <param name="tableBits">Bits of a number of the table: 16 (FP16) or 32 (FP32). Positions are FP32.</param>
    /// <param name="shape">Static shape.</param>
    public abstract void LookUp<TShape>(TableWeights weights, Activation ids, Activation y, int rows, int tableBits = 32, TShape shape = default)
        where TShape : struct, IMapShape;
}
