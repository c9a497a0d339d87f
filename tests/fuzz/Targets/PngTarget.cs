using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Specializer.Formats;

namespace Specializer.Fuzz;

/// <summary>Reads anything as PNG, and what is made of it by the writer.</summary>
internal sealed class PngTarget : FuzzTarget
{
    public override string Name => "png";

    public override IEnumerable<byte[]> Seeds =>
    [
        [1, 0, 1, 2, 3, 4], [0, 2, (byte)'a', (byte)' ', (byte)'b', 0, (byte)'t', 0, 0xAC, 0x20], [2, 1, .. new byte[27]], PngWriter.Encode([.. Enumerable.Range(0, 60).Select(i => (byte)(7 * i))], 4, 5, 3), PngWriter.Encode(new byte[64], 8, 8, 1, new KeyValuePair<string, string>("a", "b")),
        .. s_texts.Select(text => File([.. Chunks(PngWriter.Encode(new byte[4], 2, 2, 1)) is [var header, .. var rest] ? (IEnumerable<(string, byte[])>)[header, text, .. rest] : []])),
    ];

    // As others write texts: Latin-1, compressed, and both with a language and a translated keyword.
    private static readonly (string Type, byte[] Data)[] s_texts =
    [
        ("tEXt", [.. "Comment\0A caf"u8, 0xE9]), ("zTXt", [.. "Comment\0\0"u8, .. Pack("text"u8.ToArray())]), ("iTXt", [.. "Comment\0\u0001\0de\0Kommentar\0"u8, .. Pack("Text"u8.ToArray())]),
    ];

    /// <summary>Of a PNG file mostly what a chunk holds is changed, its length and checksum put right; of packed rows what they unpack to.</summary>
    public override byte[] Mutate(byte[] input, Mutator mutator)
    {
        if (mutator.Random.Next(4) == 0 || Chunks(input) is not { Count: > 0 } chunks) return mutator.Bytes(input);
        var (type, data) = chunks[mutator.Random.Next(chunks.Count)];
        bool packed = type == "IDAT" && mutator.Random.Next(2) == 0;
        byte[] changed = packed ? Pack(mutator.Bytes(Unpack(data))) : mutator.Bytes(data);
        return File(chunks.Select(chunk => ReferenceEquals(chunk.Data, data) ? (chunk.Type, changed) : chunk));
    }

    private static byte[] File(IEnumerable<(string Type, byte[] Data)> chunks)
    {
        using var png = new MemoryStream();
        png.Write(PngWriter.Signature);
        Span<byte> word = stackalloc byte[4];
        foreach (var chunk in chunks)
        {
            byte[] typed = [.. Encoding.Latin1.GetBytes(chunk.Type), .. chunk.Data];
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
        if (!input.AsSpan().StartsWith(PngWriter.Signature))
        {
            if (input.Length > 2 && (input[1] & 2) != 0) Texts(input.AsSpan(2));
            else Written(input);
        }

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

    /// <summary>A keyword, which ends at a 0, and a text of any characters, halves of pairs among them.</summary>
    private static void Texts(ReadOnlySpan<byte> input)
    {
        int end = input.IndexOf((byte)0) is >= 0 and var zero ? zero : input.Length;
        string keyword = Encoding.Latin1.GetString(input[..end]), text = new(MemoryMarshal.Cast<byte, char>(input[Math.Min(end + 1, input.Length)..]));
        byte[] png;
        try
        {
            png = PngWriter.Encode([7], 1, 1, 1, new KeyValuePair<string, string>(keyword, text));
        }
        catch (ArgumentException e)
        {
            if (e.Message.Any(c => char.IsControl(c) || char.IsSurrogate(c))) throw new InvalidOperationException("A message shows a keyword as it is.");
            return;
        }

        byte[] expected = [.. Encoding.Latin1.GetBytes(keyword), 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(text)];
        if (PngReader.Decode(png).Pixels.Span is not [7] || !Chunks(png).Single(c => c.Type == "iTXt").Data.AsSpan().SequenceEqual(expected)) throw new InvalidOperationException("A text was written otherwise.");
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
