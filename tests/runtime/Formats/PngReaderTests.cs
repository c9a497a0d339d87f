using System.Buffers.Binary;
using System.IO.Compression;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Formats;

/// <summary>Files are made here by the standard's own words: filters, depths, colours.</summary>
public sealed class PngReaderTests
{
    private const int Gray = 0, Rgb = 2, Palette = 3, GrayAlpha = 4, RgbAlpha = 6;

    private static readonly Random s_random = new(5);

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 3, 1)]
    [InlineData(4, 7, 3)]
    public void What_is_written_is_read(int height, int width, int channels)
    {
        byte[] pixels = Bytes(height * width * channels);
        using var folder = new TemporaryFolder();
        PngWriter.Write(folder.File("a.png"), pixels, height, width, channels);
        PngPicture read = PngReader.Read(folder.File("a.png"));
        Assert.Equal((height, width, channels), (read.Height, read.Width, read.Channels));
        Assert.Equal(pixels, read.Pixels.ToArray());
    }

    /// <summary>Each row by another filter, of pixels of 1, 2, 3, 4, 6 and 8 bytes. Of alpha and the lower bytes nothing is left.</summary>
    [Theory]
    [InlineData(Gray, 8, 1)]
    [InlineData(Gray, 16, 1)]
    [InlineData(GrayAlpha, 8, 2)]
    [InlineData(GrayAlpha, 16, 2)]
    [InlineData(Rgb, 8, 3)]
    [InlineData(Rgb, 16, 3)]
    [InlineData(RgbAlpha, 8, 4)]
    [InlineData(RgbAlpha, 16, 4)]
    public void Every_filter_is_undone(int type, int depth, int samples)
    {
        const int height = 11, width = 6;
        int bytes = depth / 8, channels = samples < 3 ? 1 : 3, row = width * samples * bytes;
        byte[] stored = Bytes(height * row);
        byte[] expected = [.. Enumerable.Range(0, height * width).SelectMany(p => Enumerable.Range(0, channels).Select(c => stored[(p * samples + c) * bytes]))];
        PngPicture read = PngReader.Decode(File(height, width, depth, type, Filtered(stored, row, samples * bytes)));
        Assert.Equal(expected, read.Pixels.ToArray());
    }

    /// <summary>Levels and colours of few bits, the first in the upper ones; a row begins with a byte of its own.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Few_bits_are_spread(int depth)
    {
        const int height = 3, width = 7;
        int most = (1 << depth) - 1, row = (width * depth + 7) / 8;
        int[] levels = [.. Enumerable.Range(0, height * width).Select(i => i * 5 % (most + 1))];
        var stored = new byte[height * row];
        for (int i = 0; i < levels.Length; i++) stored[i / width * row + i % width * depth / 8] |= (byte)(levels[i] << (8 - depth - i % width * depth % 8));
        byte[] rows = Filtered(stored, row, 1), palette = Bytes(3 * (most + 1));
        Assert.Equal(levels.Select(l => (byte)(l * 255 / most)), PngReader.Decode(File(height, width, depth, Gray, rows)).Pixels.ToArray());
        Assert.Equal(levels.SelectMany(l => palette[(3 * l)..(3 * l + 3)]), PngReader.Decode(File(height, width, depth, Palette, rows, palette)).Pixels.ToArray());
    }

    /// <summary>The seven passes of the standard's figure, pixel by pixel (clause 8.2); of small pictures some passes are empty.</summary>
    [Theory]
    [InlineData(1, 1, Rgb, 8, 3)]
    [InlineData(2, 3, Gray, 8, 1)]
    [InlineData(5, 4, Gray, 2, 1)]
    [InlineData(9, 13, Palette, 1, 1)]
    [InlineData(8, 8, RgbAlpha, 16, 4)]
    [InlineData(17, 33, GrayAlpha, 8, 2)]
    [InlineData(33, 17, Palette, 4, 1)]
    public void Interlaced_pictures_are_those_that_are_not(int height, int width, int type, int depth, int samples)
    {
        string[] figure = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"];
        int bits = samples * depth;
        byte[]? palette = type == Palette ? Bytes(3 << depth) : null;
        // A pixel's bits as text.
        string[] pixels = [.. Enumerable.Range(0, height * width).Select(_ => string.Concat(Bytes(bits).Select(b => (char)('0' + b % 2))))];
        byte[] Rows(Func<int, int, bool> has)
        {
            var rows = new List<byte>();
            int row = 0;
            for (int y = 0; y < height; y++)
            {
                string line = string.Concat(Enumerable.Range(0, width).Where(x => has(y, x)).Select(x => pixels[y * width + x]));
                if (line.Length == 0) continue;
                row = (line.Length + 7) / 8;
                rows.AddRange(line.PadRight(8 * row, '0').Chunk(8).Select(b => Convert.ToByte(new string(b), 2)));
            }

            return row == 0 ? [] : Filtered([.. rows], row, Math.Max(1, bits / 8));
        }

        byte[] whole = File(height, width, depth, type, Rows((_, _) => true), palette);
        byte[] interlaced = File(height, width, depth, type, [.. Enumerable.Range(1, 7).SelectMany(pass => Rows((y, x) => figure[y % 8][x % 8] == '0' + pass))], palette, interlace: 1);
        Assert.Equal(PngReader.Decode(whole).Pixels.ToArray(), PngReader.Decode(interlaced).Pixels.ToArray());
    }

    [Fact]
    public void Gray_and_colours_become_what_is_asked_for()
    {
        PngPicture colours = new(new byte[] { 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 128, 128, 128 }, 1, 6, 3), gray = new(new byte[] { 0, 127, 128, 255 }, 2, 2, 1);
        Assert.Equal([255, 0, 76, 150, 29, 128], colours.ToImage(1).Pixels.ToArray().Select(v => (int)MathF.Round((v + 1) * 127.5f)));
        Assert.Equal([true, false, false, true, false, true], colours.ToMask());
        Assert.Equal([false, false, true, true], gray.ToMask());
        Assert.Equal([-1, -1, -1, 127 / 127.5f - 1], gray.ToImage(3).Pixels.ToArray()[..4]);
        Assert.Throws<ArgumentOutOfRangeException>(() => gray.ToImage(2));
    }

    [Fact]
    public void What_cannot_be_read_is_named()
    {
        byte[] pixels = Bytes(12), rows = Filtered(pixels, 4, 1), good = File(3, 4, 8, Gray, rows);
        Assert.Equal(pixels, PngReader.Decode(good).Pixels.ToArray());
        Refused("is no PNG", [0xFF, 0xD8, .. good]);
        Refused("the standard does not know", File(3, 4, 8, Gray, rows, interlace: 2));
        Refused("fewer rows", File(4096, 4096, 8, RgbAlpha, rows, interlace: 1));
        Refused("the standard does not know", File(3, 4, 8, 5, rows));
        Refused("the standard does not know", File(3, 4, 16, Palette, rows));
        Refused("4097", File(3, 4097, 8, Gray, rows));
        Refused("1 to 4096", File(0, 4, 8, Gray, rows));
        Refused("fewer rows", File(4096, 4096, 8, RgbAlpha, rows));
        Refused("cannot be unpacked", File(4, 4, 8, Gray, rows));
        Refused("no palette", File(3, 4, 8, Palette, rows));
        Refused("has the colour", File(3, 4, 8, Palette, [0, 1, 1, 1, 1, 0, 9, 1, 1, 1, 0, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6]));
        Refused("has the filter 5", File(3, 4, 8, Gray, [5, .. rows[1..]]));
        Refused("one header", [.. good[..33], .. good[8..]]);
        Refused("no known kind", [.. good[..33], .. Chunk("ABCD", [1])]);
        using var folder = new TemporaryFolder();
        System.IO.File.WriteAllText(folder.File("b.png"), "no picture");
        Assert.Contains("b.png: is no PNG", Assert.Throws<InvalidDataException>(() => PngReader.Read(folder.File("b.png"))).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<IOException>(() => PngReader.Read(folder.File("missing.png")));

        static void Refused(string why, byte[] png) => Assert.Contains(why, Assert.Throws<InvalidDataException>(() => PngReader.Decode(png)).Message, StringComparison.Ordinal);
    }

    /// <summary>Whatever is cut off or changed: a picture, or an error that is documented.</summary>
    [Fact]
    public void A_damaged_file_is_an_error_and_nothing_else()
    {
        byte[] good = File(5, 6, 4, Palette, Filtered([.. Bytes(15).Select(b => (byte)(b & 0x33))], 3, 1), Bytes(12));
        PngReader.Decode(good);
        for (int length = 0; length < good.Length; length++) Assert.Throws<InvalidDataException>(() => PngReader.Decode(good.AsSpan(0, length)));
        int refused = 0;
        for (int i = 0; i < good.Length; i++)
        {
            byte[] damaged = [.. good];
            damaged[i] ^= 0x41;
            try
            {
                PngReader.Decode(damaged);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.Equal(good.Length, refused);
    }

    /// <summary>The smallest file in which fuzzing found it: rows that were packed with a dictionary.</summary>
    [Fact]
    public void Rows_packed_with_a_dictionary_cannot_be_unpacked()
    {
        byte[] png = Convert.FromHexString("89504e470d0a1a0a0000000d4948445200000008000000081000000000b1f43d140000000769545874610000000000629f0c044200000015494441547820003a90e405616c0e10a31e4438002c16690123333e56540000000049454e44ae426082");
        Assert.Contains("cannot be unpacked", Assert.Throws<InvalidDataException>(() => PngReader.Decode(png)).Message, StringComparison.Ordinal);
    }

    private static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        s_random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Rows with the filters 0 to 4 in turn (clause 9).</summary>
    private static byte[] Filtered(byte[] stored, int row, int pixel)
    {
        var filtered = new List<byte>();
        for (int y = 0; y < stored.Length / row; y++)
        {
            filtered.Add((byte)(y % 5));
            for (int i = 0; i < row; i++)
            {
                int a = i < pixel ? 0 : stored[y * row + i - pixel], b = y == 0 ? 0 : stored[(y - 1) * row + i], c = i < pixel || y == 0 ? 0 : stored[(y - 1) * row + i - pixel], p = a + b - c;
                int pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
                int prediction = (y % 5) switch { 0 => 0, 1 => a, 2 => b, 3 => (a + b) / 2, _ => pa <= pb && pa <= pc ? a : pb <= pc ? b : c };
                filtered.Add((byte)(stored[y * row + i] - prediction));
            }
        }

        return [.. filtered];
    }

    private static byte[] File(int height, int width, int depth, int type, byte[] rows, byte[]? palette = null, byte interlace = 0)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)type, interlace);
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Optimal, leaveOpen: true)) zlib.Write(rows);
        byte[] packed = data.ToArray();
        // In two parts, as long files have it.
        return [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. Chunk("IHDR", header), .. palette is null ? [] : Chunk("PLTE", palette), .. Chunk("IDAT", packed[..5]), .. Chunk("IDAT", packed[5..]), .. Chunk("IEND", [])];
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] typed = [.. type.Select(c => (byte)c), .. data], word = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(word.AsSpan(4), ~PngWriter.UpdateCrc(uint.MaxValue, typed));
        return [.. word[..4], .. typed, .. word[4..]];
    }
}
