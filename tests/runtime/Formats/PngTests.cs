using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Runtime.Tests.Formats;

public class PngTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 3, 1)]
    [InlineData(4, 7, 3)]
    public void PixelsSurvive(int height, int width, int channels)
    {
        var pixels = new byte[height * width * channels];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(i * 37);
        Assert.Equal((pixels, height, width, channels), Decode(PngWriter.Encode(pixels, height, width, channels)), new ImageComparer());
    }

    [Fact]
    public void A_stream_receives_the_bytes_that_a_file_would_and_stays_open()
    {
        var images = new ImageBatch([-1, 0, 1, 0.5f], 2, 2, 1, [new(0, 0, -1)]);
        using var stream = new MemoryStream();
        ImageGrid.Write(stream, images, columns: 1);
        Assert.Equal(PngWriter.Encode([0, 128, 255, 191], 2, 2, 1), stream.ToArray());
        Assert.True(stream.CanWrite);
    }

    /// <summary>An iTXt chunk of the standard (11.3.4.5): keyword, NUL, not compressed, no language, no translated keyword, then UTF-8.</summary>
    [Fact]
    public void Texts_travel_in_the_file()
    {
        byte[] png = PngWriter.Encode([7], 1, 1, 1, new KeyValuePair<string, string>("parameters", "ein Herz ♥"));
        byte[] chunk = [.. "iTXtparameters\0\0\0\0\0ein Herz ♥"u8];
        int at = png.AsSpan().IndexOf(chunk);
        Assert.True(at > 0);
        Assert.Equal(chunk.Length - 4, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at - 4)));
        Assert.Equal(~PngWriter.UpdateCrc(uint.MaxValue, chunk), BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + chunk.Length)));
        Assert.Equal(PngWriter.Encode([7], 1, 1, 1).Length + chunk.Length + 8, png.Length);
    }

    [Theory]
    [InlineData("", "text")]
    [InlineData(" Title", "text")]
    [InlineData("Größe", "text")]
    [InlineData("Title", "te\0xt")]
    public void Texts_that_would_break_the_file_are_refused(string keyword, string text) =>
        Assert.Throws<ArgumentException>(() => PngWriter.Encode([7], 1, 1, 1, new KeyValuePair<string, string>(keyword, text)));

    [Fact]
    public void WrongSizesAreRefused()
    {
        Assert.Throws<ArgumentException>(() => PngWriter.Encode(new byte[8], 2, 2, 2));
        Assert.Throws<ArgumentException>(() => PngWriter.Encode(new byte[3], 2, 2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => PngWriter.Encode([], 0, 2, 1));
    }

    /// <summary>The check value of CRC-32 (ISO-HDLC).</summary>
    [Fact]
    public void TheCrcIsTheStandardOne() => Assert.Equal(0xCBF43926, ~PngWriter.UpdateCrc(uint.MaxValue, "123456789"u8));

    [Theory]
    [InlineData(-1f, 0)]
    [InlineData(1f, 255)]
    [InlineData(-7f, 0)]
    [InlineData(7f, 255)]
    [InlineData(float.NaN, 0)]
    [InlineData(float.PositiveInfinity, 255)]
    [InlineData(0f, 128)] // 127.5, ties to even
    [InlineData(0.5f, 191)] // 191.25
    public void NumbersBecomeBytes(float x, byte expected) => Assert.Equal(expected, ImageGrid.ToByte(x));

    [Fact]
    public void TheGridStandsInRowsAndColumns()
    {
        // Three images of 1 × 2 pixels in two columns: 2 rows, the last cell empty.
        var batch = Batch(-1, -1, 1, 1, -1, 1);
        var (pixels, height, width, channels) = ImageGrid.Compose(2, [batch]);
        Assert.Equal((4, 6, 1), (height, width, channels));
        Assert.Equal<byte>(
        [
            0, 0, 127, 127, 255, 255,
            127, 127, 127, 127, 127, 127,
            127, 127, 127, 127, 127, 127,
            0, 255, 127, 127, 127, 127,
        ], pixels);
    }

    [Fact]
    public void BatchesAreComparedRowByRow()
    {
        using var folder = new TemporaryFolder();
        ImageGrid.WriteRows(folder.File("x.png"), 1, Batch(-1, -1, 1, 1), Batch(1, -1, -1, 1));
        var (pixels, height, width, _) = Decode(File.ReadAllBytes(folder.File("x.png")));
        using var stream = new MemoryStream();
        ImageGrid.WriteRows(stream, 1, Batch(-1, -1, 1, 1), Batch(1, -1, -1, 1));
        Assert.Equal(File.ReadAllBytes(folder.File("x.png")), stream.ToArray());
        // Two rows that belong together, and a wider gap before the next two.
        Assert.Equal((16, 2), (height, width));
        Assert.Equal<byte>([0, 0, 255, 0, 255, 255, 0, 255],
            [.. pixels[..2], .. pixels[6..8], .. pixels[24..26], .. pixels[30..32]]);
    }

    [Fact]
    public void SmallPicturesAreEnlargedByAWholeFactor()
    {
        ImageBatch enlarged = Batch(1, 2, 3, 4).EnlargeTo(5);
        Assert.Equal((2, 2, 4, 1), (enlarged.Count, enlarged.Height, enlarged.Width, enlarged.Channels));
        Assert.Equal([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4], enlarged.Pixels.ToArray());
        ImageBatch colour = new ImageBatch([1, 2, 3, 4, 5, 6], 2, 1, 3, [new(7, 8, -1)]).EnlargeTo(4);
        Assert.Equal([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6], colour.Pixels.ToArray());
        Assert.Equal([new ImageId(7, 8, -1)], colour.Ids);
    }

    [Fact]
    public void LargePicturesStayAsTheyAre()
    {
        ImageBatch batch = Batch(1, 2);
        Assert.Same(batch, batch.EnlargeTo(3));
        Assert.Same(batch, batch.EnlargeTo(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.EnlargeTo(0));
    }

    [Fact]
    public void UnequalBatchesAreRefused()
    {
        Assert.Throws<ArgumentException>(() => ImageGrid.Compose(1, []));
        Assert.Throws<ArgumentException>(() => ImageGrid.Compose(1, [Batch()]));
        Assert.Throws<ArgumentException>(() => ImageGrid.Compose(1, [Batch(1, 1), Batch(1, 1, 1, 1)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageGrid.Compose(0, [Batch(1, 1)]));
    }

    private static ImageBatch Batch(params float[] pixels) => new(pixels, 1, 2, 1, new ImageId[pixels.Length / 2]);

    /// <summary>A strict reader of what the writer writes: checks the CRC of every chunk.</summary>
    private static (byte[] Pixels, int Height, int Width, int Channels) Decode(byte[] png)
    {
        Assert.Equal<byte>([137, 80, 78, 71, 13, 10, 26, 10], png[..8]);
        var chunks = new Dictionary<string, byte[]>();
        for (var at = 8; at < png.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            Assert.Equal(~PngWriter.UpdateCrc(uint.MaxValue, png.AsSpan(at + 4, 4 + length)), BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + 8 + length)));
            chunks.Add(Encoding.ASCII.GetString(png, at + 4, 4), png[(at + 8)..(at + 8 + length)]);
            at += 12 + length;
        }
        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks.Keys);
        var header = chunks["IHDR"];
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)));
        Assert.Equal((8, 0, 0, 0), (header[8], header[10], header[11], header[12]));
        var channels = header[9] == 2 ? 3 : 1;

        using var zlib = new ZLibStream(new MemoryStream(chunks["IDAT"]), CompressionMode.Decompress);
        using var raw = new MemoryStream();
        zlib.CopyTo(raw);
        var rows = raw.ToArray().Chunk(1 + width * channels).ToArray();
        Assert.Equal(height, rows.Length);
        Assert.All(rows, r => Assert.Equal(0, r[0]));
        return ([.. rows.SelectMany(r => r.Skip(1))], height, width, channels);
    }

    private sealed class ImageComparer : IEqualityComparer<(byte[] Pixels, int, int, int)>
    {
        public bool Equals((byte[] Pixels, int, int, int) x, (byte[] Pixels, int, int, int) y) =>
            x.Pixels.AsSpan().SequenceEqual(y.Pixels) && (x.Item2, x.Item3, x.Item4) == (y.Item2, y.Item3, y.Item4);

        public int GetHashCode((byte[] Pixels, int, int, int) x) => x.Pixels.Length;
    }
}
