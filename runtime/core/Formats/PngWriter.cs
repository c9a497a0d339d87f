using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>Writes 8-bit gray or RGB images as PNG (ISO/IEC 15948).</summary>
public static class PngWriter
{
    internal static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n'];

    /// <summary>Writes an image to a file, in one piece or not at all.</summary>
    /// <param name="path">Target; replaced if it exists.</param>
    /// <param name="pixels">Height·width·channels bytes, row by row, channels innermost.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="channels">1 (gray) or 3 (RGB).</param>
    /// <exception cref="ArgumentException">The sizes do not fit.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> pixels, int height, int width, int channels)
    {
        var png = Encode(pixels, height, width, channels);
        AtomicFile.Write(path, stream => stream.Write(png));
    }

    /// <summary>Writes an image to a stream, which stays open.</summary>
    /// <param name="stream">Target.</param>
    /// <param name="pixels">Height·width·channels bytes, row by row, channels innermost.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="channels">1 (gray) or 3 (RGB).</param>
    /// <exception cref="ArgumentException">The sizes do not fit.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(Stream stream, ReadOnlySpan<byte> pixels, int height, int width, int channels)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(Encode(pixels, height, width, channels));
    }

    /// <summary>The bytes of a PNG file.</summary>
    /// <param name="pixels">Height·width·channels bytes, row by row, channels innermost.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="channels">1 (gray) or 3 (RGB).</param>
    /// <param name="texts">Texts that travel in the file, as UTF-8 (iTXt): keywords of 1 to 79 printable ASCII characters, like <c>Software</c>, without a space at an end.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or a keyword or text cannot be one.</exception>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int height, int width, int channels, params ReadOnlySpan<KeyValuePair<string, string>> texts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (channels is not (1 or 3))
            throw new ArgumentException($"A PNG image has 1 or 3 channels here, not {channels}.", nameof(channels));
        if (pixels.Length != (long)height * width * channels)
            throw new ArgumentException($"{height} × {width} × {channels} pixels need {(long)height * width * channels} bytes, not {pixels.Length}.", nameof(pixels));

        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        // Bit depth, colour type (0 gray, 2 RGB), then deflate, adaptive filtering, no interlace: all 0.
        (header[8], header[9]) = (8, (byte)(channels == 1 ? 0 : 2));

        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var row = 0; row < height; row++)
            {
                zlib.WriteByte(0); // filter type: none
                zlib.Write(pixels.Slice(row * width * channels, width * channels));
            }
        }

        using var png = new MemoryStream();
        png.Write(Signature);
        WriteChunk(png, "IHDR"u8, header);
        foreach (var (keyword, text) in texts)
            WriteChunk(png, "iTXt"u8, Text(keyword, text));
        WriteChunk(png, "IDAT"u8, data.GetBuffer().AsSpan(0, (int)data.Length));
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static byte[] Text(string keyword, string text)
    {
        if (keyword.Length is < 1 or > 79 || keyword != keyword.Trim(' ') || keyword.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            throw new ArgumentException($"{MessageText.Quote(keyword)} cannot be the keyword of a text in a PNG image: 1 to 79 printable ASCII characters, without a space at an end.");
        if (text.Contains('\0')) throw new ArgumentException($"The text {MessageText.Quote(keyword)} of a PNG image contains a NUL, which ends texts there.");
        // Not compressed, of no language, the keyword not translated.
        return [.. Encoding.ASCII.GetBytes(keyword), 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(text)];
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        png.Write(word);
        png.Write(type);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, ~UpdateCrc(UpdateCrc(uint.MaxValue, type), data));
        png.Write(word);
    }

    /// <summary>CRC-32 with the reversed polynomial 0xEDB88320 (annex D of the standard), bit by bit: images here are small.</summary>
    internal static uint UpdateCrc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var x in data)
        {
            crc ^= x;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }
        return crc;
    }
}
