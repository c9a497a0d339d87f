namespace Specializer.Formats;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, from the start of the data section.</param>
/// <param name="Length">Bytes.</param>
public sealed record SafetensorsEntry(string Name, DType Type, long[] Shape, long Offset, long Length)
{
    /// <summary>Number of elements.</summary>
    public long Elements => Length / Type.Size();
}
