using System.Runtime.InteropServices;
using Specializer.Formats;

namespace Specializer.Calibration.Conversion;

/// <summary>Where a tensor of diffusers' layout stands in a file of another layout.</summary>
/// <param name="Key">Name in the file.</param>
/// <param name="Shape">Extents in diffusers' layout.</param>
/// <param name="Rows">First rows and numbers of rows that it consists of, one after the other; empty for all.</param>
internal sealed record MappedTensor(string Key, long[] Shape, params (long First, long Count)[] Rows)
{
    /// <summary>Whether it is a matrix whose rows are the columns there.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Its elements in single precision.</summary>
    public float[] Read(SafetensorsFile file)
    {
        float[] all = file.ReadFloats(Key);
        if (IsTransposed) return MemoryMarshal.Cast<byte, float>(Transposed(MemoryMarshal.AsBytes(all.AsSpan()), sizeof(float))).ToArray();
        if (Rows.Length == 0) return all;
        int row = all.Length / (int)file.Entries[Key].Shape[0];
        return [.. Rows.SelectMany(r => all.AsSpan((int)r.First * row, (int)r.Count * row).ToArray())];
    }

    /// <summary>The same bytes under another name.</summary>
    public StreamedTensor Stream(string name, SafetensorsFile file)
    {
        SafetensorsEntry entry = file.Entries[Key];
        long row = entry.Shape.Length == 0 || entry.Shape[0] == 0 ? 0 : entry.Length / entry.Shape[0];
        return new(name, entry.Type, Shape, stream =>
        {
            if (IsTransposed) stream.Write(Transposed(file.Bytes(Key), entry.Type.Size()));
            else if (Rows.Length == 0) file.CopyTo(Key, 0, entry.Length, stream);
            foreach (var (first, count) in Rows) file.CopyTo(Key, first * row, count * row, stream);
        });
    }

    private byte[] Transposed(ReadOnlySpan<byte> matrix, int element)
    {
        var (rows, columns) = ((int)Shape[0], (int)Shape[1]);
        var transposed = new byte[matrix.Length];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                matrix.Slice((column * rows + row) * element, element).CopyTo(transposed.AsSpan((row * columns + column) * element));
        return transposed;
    }
}
