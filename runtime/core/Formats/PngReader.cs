using System.Buffers.Binary;
using System.IO.Compression;
using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>Reads pictures from PNG (ISO/IEC 15948): gray, RGB and palettes of any depth, interlaced or not.</summary>
/// <remarks>Transparency is left out, as when a picture is converted to RGB; of 16 bits the upper 8 are taken. Files may come from anyone: memory is bounded by the file's own
/// length and by <see cref="MaximumExtent"/>.</remarks>
public static class PngReader
{
    /// <summary>Most rows, and most columns, of a picture.</summary>
    public const int MaximumExtent = 4096;

    // Deflate makes at most so many bytes of one.
    private const int MostOfOneByte = 1032;

    private const int MaximumFileBytes = 256 << 20;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is no PNG file, is damaged, or is of a form that is not read; the message says which.</exception>
    /// <exception cref="IOException">The file is missing or unreadable, or larger than 256 MiB.</exception>
    public static PngPicture Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] png = RegularFile.ReadAll(path, MaximumFileBytes);
        try
        {
            return Decode(png);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{MessageText.Harmless(path)}: {e.Message}", e);
        }
    }

    /// <summary>Reads the bytes of a PNG file.</summary>
    /// <param name="png">The file.</param>
    /// <exception cref="InvalidDataException">It is no PNG file, is damaged, or is of a form that is not read; the message says which.</exception>
    public static PngPicture Decode(ReadOnlySpan<byte> png)
    {
        PngHeader header = ReadChunks(png, out byte[] palette, out MemoryStream data);
        using (data)
        {
            if (header.StoredBytes > data.Length * MostOfOneByte) throw new InvalidDataException("holds fewer rows than its header says. Copy or download it again.");
            if (header.IsPalette && palette.Length == 0) throw new InvalidDataException("has no palette. Save the picture again.");
            using var rows = new ZLibStream(data, CompressionMode.Decompress);
            var pixels = new byte[header.Height * header.Width * header.Channels];
            foreach (PngPass pass in header.Passes)
            {
                byte[] row = new byte[header.RowBytes(pass.Columns) + 1], above = new byte[row.Length];
                for (int y = 0; y < pass.Rows; y++)
                {
                    Unpack(rows, row);
                    Unfilter(row, above.AsSpan(1), header.PixelBytes);
                    header.Samples(row.AsSpan(1), palette, pass, pixels.AsSpan((pass.Row + y * pass.RowStep) * header.Width * header.Channels, header.Width * header.Channels));
                    (row, above) = (above, row);
                }
            }

            return new(pixels, header.Height, header.Width, header.Channels);
        }
    }

    /// <summary>What the chunks hold, their checksums compared where they matter.</summary>
    private static PngHeader ReadChunks(ReadOnlySpan<byte> png, out byte[] palette, out MemoryStream data)
    {
        if (!png.StartsWith(PngWriter.Signature)) throw new InvalidDataException("is no PNG file. Save the picture as PNG.");
        PngHeader? header = null;
        palette = [];
        data = new();
        for (int at = PngWriter.Signature.Length; ;)
        {
            // Length, type, data, checksum of type and data.
            if (png.Length - at < 12 || BinaryPrimitives.ReadUInt32BigEndian(png[at..]) is var length && length > png.Length - at - 12)
                throw new InvalidDataException("ends in the middle: it is not whole. Copy or download it again.");
            ReadOnlySpan<byte> typed = png.Slice(at + 4, 4 + (int)length), type = typed[..4], chunk = typed[4..];
            at += 12 + (int)length;
            // A small letter begins the names of chunks without which pictures are the same.
            if (type[0] is >= (byte)'a' and <= (byte)'z') continue;
            if (~PngWriter.UpdateCrc(uint.MaxValue, typed) != BinaryPrimitives.ReadUInt32BigEndian(png[(at - 4)..])) throw new InvalidDataException("is damaged: a checksum is wrong. Copy or download it again.");
            if (header is null != type.SequenceEqual("IHDR"u8)) throw new InvalidDataException("does not have one header, at its beginning. Save the picture again.");
            if (header is null) header = PngHeader.Read(chunk);
            else if (type.SequenceEqual("PLTE"u8)) palette = chunk.Length is > 0 and <= 768 && chunk.Length % 3 == 0 ? chunk.ToArray() : throw new InvalidDataException($"has a palette of {chunk.Length} bytes; 1 to 256 colours have 3 each.");
            else if (type.SequenceEqual("IDAT"u8)) data.Write(chunk);
            else if (type.SequenceEqual("IEND"u8)) break;
            else throw new InvalidDataException("has a part that matters and is of no known kind. Save the picture again.");
        }

        data.Position = 0;
        return header;
    }

    private static void Unpack(Stream rows, byte[] row)
    {
        try
        {
            rows.ReadExactly(row);
        }
        // The rows lie in memory: whatever is wrong with reading them is wrong with them, a dictionary of which PNG knows nothing included.
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new InvalidDataException("is damaged: its rows cannot be unpacked. Copy or download it again.", e);
        }
    }

    /// <summary>A row from its differences to what lies left, above, and left of above (clause 9 of the standard).</summary>
    /// <param name="filtered">The kind of filter, then the row.</param>
    /// <param name="above">The row above; zeros above the first.</param>
    /// <param name="pixel">Bytes of a pixel; 1 where several share a byte.</param>
    private static void Unfilter(Span<byte> filtered, ReadOnlySpan<byte> above, int pixel)
    {
        Span<byte> row = filtered[1..];
        for (int i = 0; i < row.Length; i++)
        {
            int left = i < pixel ? 0 : row[i - pixel], up = above[i], corner = i < pixel ? 0 : above[i - pixel];
            row[i] += (byte)(filtered[0] switch
            {
                0 => 0,
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                4 => Nearest(left, up, corner),
                _ => throw new InvalidDataException($"is damaged: a row has the filter {filtered[0]}, and there are 0 to 4. Copy or download it again."),
            });
        }
    }

    /// <summary>The neighbour nearest to left + up − corner, of equals in this order (Paeth).</summary>
    private static int Nearest(int left, int up, int corner)
    {
        int toLeft = Math.Abs(up - corner), toUp = Math.Abs(left - corner), toCorner = Math.Abs(left + up - 2 * corner);
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
}
