using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Specializer.Formats;

namespace Specializer.Fuzz;

/// <summary>Reads anything as PNG, and what is made of it by the writer.</summary>
internal sealed class PngTarget : FuzzTarget
{
    public override string Name => "png";

    public override IEnumerable<byte[]> Seeds =>
    [
        [1, 0, 1, 2, 3, 4], [2, 1, .. new byte[27]], PngWriter.Encode([.. Enumerable.Range(0, 60).Select(i => (byte)(7 * i))], 4, 5, 3), PngWriter.Encode(new byte[64], 8, 8, 1, new KeyValuePair<string, string>("a", "b")),
    ];

    /// <summary>Of a PNG file mostly what a chunk holds is changed, its length and checksum put right; of packed rows what they unpack to.</summary>
    public override byte[] Mutate(byte[] input, Mutator mutator)
    {
        if (mutator.Random.Next(4) == 0 || Chunks(input) is not { Count: > 0 } chunks) return mutator.Bytes(input);
        var (type, data) = chunks[mutator.Random.Next(chunks.Count)];
        bool packed = type == "IDAT" && mutator.Random.Next(2) == 0;
        byte[] changed = packed ? Pack(mutator.Bytes(Unpack(data))) : mutator.Bytes(data);
        using var png = new MemoryStream();
        png.Write(PngWriter.Signature);
        Span<byte> word = stackalloc byte[4];
        foreach (var chunk in chunks)
        {
            byte[] typed = [.. Encoding.Latin1.GetBytes(chunk.Type), .. ReferenceEquals(chunk.Data, data) ? changed : chunk.Data];
            BinaryPrimitives.WriteInt32BigEndian(word, typed.Length - 4);
            png.Write(word);
            png.Write(typed);
            BinaryPrimitives.WriteUInt32BigEndian(word, ~PngWriter.UpdateCrc(uint.MaxValue, typed));
            png.Write(word);
        }

        return png.ToArray();
    }

    public override string Read(byte[] input)
    {
        // The writer is given what is no file, and has what it writes read.
        if (!input.AsSpan().StartsWith(PngWriter.Signature)) Written(input);
        try
        {
            PngPicture picture = PngReader.Decode(input);
            if (picture.Pixels.Length != picture.Height * picture.Width * picture.Channels) throw new InvalidOperationException("The picture is not as large as it says.");
            return "accepted";
        }
        catch (InvalidDataException e)
        {
            // One error a place, whatever numbers it names.
            return string.Concat(e.Message.Where(c => !char.IsAsciiDigit(c)));
        }
    }

    /// <summary>Width less 1, whether RGB, then pixels.</summary>
    private static void Written(byte[] input)
    {
        if (input.Length < 2) return;
        int width = input[0] + 1, channels = input[1] % 2 == 0 ? 1 : 3, row = width * channels, height = (input.Length - 2) / row;
        if (height == 0) return;
        byte[] pixels = input[2..(2 + height * row)];
        PngPicture read = PngReader.Decode(PngWriter.Encode(pixels, height, width, channels));
        if ((read.Height, read.Width, read.Channels) != (height, width, channels) || !read.Pixels.Span.SequenceEqual(pixels)) throw new InvalidOperationException("What was written reads back as another picture.");
    }

    /// <summary>Kinds and contents of a PNG file's chunks; none where it is no such file.</summary>
    private static List<(string Type, byte[] Data)> Chunks(byte[] png)
    {
        var chunks = new List<(string, byte[])>();
        if (!png.AsSpan().StartsWith(PngWriter.Signature)) return chunks;
        for (int at = PngWriter.Signature.Length; at + 12 <= png.Length;)
        {
            int length = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at)), (uint)(png.Length - at - 12));
            chunks.Add((Encoding.Latin1.GetString(png, at + 4, 4), png[(at + 8)..(at + 8 + length)]));
            at += 12 + length;
        }

        return chunks;
    }

    private static byte[] Pack(byte[] rows)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true)) zlib.Write(rows);
        return packed.ToArray();
    }

    /// <summary>As far as it can be unpacked, up to a bound.</summary>
    private static byte[] Unpack(byte[] packed)
    {
        var rows = new byte[1 << 16];
        int length = 0;
        try
        {
            using var zlib = new ZLibStream(new MemoryStream(packed), CompressionMode.Decompress);
            for (int read = 1; read > 0 && length < rows.Length; length += read) read = zlib.Read(rows, length, rows.Length - length);
        }
        // Rows in memory that cannot be unpacked, a dictionary of which PNG knows nothing included.
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
        }

        return rows[..length];
    }
}
