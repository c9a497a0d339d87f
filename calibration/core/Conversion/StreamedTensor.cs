using Specializer.Formats;

namespace Specializer.Calibration.Conversion;

/// <summary>A tensor whose bytes are made when its turn comes to be written.</summary>
/// <param name="Name">In the file that is written.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Shape">Extents.</param>
/// <param name="Write">Writes its little-endian elements, row-major.</param>
internal sealed record StreamedTensor(string Name, DType Type, long[] Shape, Action<Stream> Write)
{
    public long Bytes => Shape.Aggregate(1L, (product, extent) => product * extent) * Type.Size();
}
