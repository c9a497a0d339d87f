using System.Buffers.Binary;
using System.IO.Compression;
using Specializer.Formats;

namespace Specializer.Fuzz;

/// <summary>Writes images of any size and content and reads them back. The product reads no PNG; what it writes must be one.</summary>
internal sealed class PngTarget : FuzzTarget
{
    public override string Name => "png";

    /// <summary>Width less 1, whether RGB, then pixels.</summary>
    public override IEnumerable<byte[]> Seeds => [[1, 0, 1, 2, 3, 4], [2, 1, .. new byte[27]]];

    public override string Read(byte[] input)
    {
        if (input.Length < 2) return "too short";
        int width = input[0] + 1, channels = input[1] % 2 == 0 ? 1 : 3, row = width * channels, height = (input.Length - 2) / row;
        if (height == 0) return "too short";
        byte[] pixels = input[2..(2 + height * row)], png = PngWriter.Encode(pixels, height, width, channels);
        using var data = new MemoryStream();
        for (int at = 8, length; at < png.Length; at += length + 12)
        {
            length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            if (png.AsSpan(at + 4, 4).SequenceEqual("IDAT"u8)) data.Write(png, at + 8, length);
        }

        data.Position = 0;
        using var zlib = new ZLibStream(data, CompressionMode.Decompress);
        var line = new byte[1 + row];
        for (int y = 0; y < height; y++)
        {
            zlib.ReadExactly(line);
            if (line[0] != 0 || !line.AsSpan(1).SequenceEqual(pixels.AsSpan(y * row, row))) throw new InvalidOperationException($"Row {y} reads back as another.");
        }

        return zlib.ReadByte() < 0 ? "accepted" : throw new InvalidOperationException("More rows than were written.");
    }
}
