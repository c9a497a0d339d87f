namespace Specializer.Sampling.Tests;

public sealed class TileJoinTests
{
    /// <summary>Every pixel is drawn, and where neighbours agree it is theirs, bit for bit; sizes that divide and sizes that do not.</summary>
    [Theory]
    [InlineData(10, 7, 4, 7, 2, false)]
    [InlineData(13, 9, 6, 5, 3, false)]
    [InlineData(13, 9, 6, 5, 3, true)]
    [InlineData(8, 8, 7, 3, 1, true)]
    public void Tiles_that_agree_are_the_whole(int height, int width, int rows, int columns, int overlap, bool blend)
    {
        const int channels = 2, images = 3, scale = 2;
        var join = new TileJoin(new(height, width, channels), new(rows, columns, channels), new(scale * height, scale * width, channels), overlap, blend);
        float[] states = [.. Enumerable.Range(0, images * height * width * channels).Select(i => MathF.Sin(i))];
        float[] pixels = Draw(join, states, images, rows, columns, channels, scale, _ => 0);
        for (int image = 0; image < images; image++)
            for (int y = 0; y < scale * height; y++)
                for (int i = 0; i < scale * width * channels; i++)
                    Assert.Equal(states[((image * height + y / scale) * width + i / channels / scale) * channels + i % channels], pixels[((image * height * scale) + y) * scale * width * channels + i]);
        Assert.Equal(1, join.Places.Count(p => p is { AboveEnd: 0, LeftEnd: 0 }));
    }

    /// <summary>Half of what is shared, from a tile's inner border on, is never seen where tiles are cut.</summary>
    [Fact]
    public void What_lies_at_an_inner_border_is_not_taken()
    {
        const int size = 20, tile = 9, overlap = 4;
        var join = new TileJoin(new(size, size, 1), new(tile, tile, 1), new(size, size, 1), overlap, blend: false);
        var pixels = new float[size * size];
        foreach (TilePlace place in join.Places)
        {
            float[] drawn = [.. Enumerable.Range(0, tile * tile).Select(i => Within(place.Top, i / tile) && Within(place.Left, i % tile) ? 1f : float.NaN)];
            join.Paste(drawn, place, pixels);
        }

        Assert.All(pixels, p => Assert.Equal(1, p));

        static bool Within(int start, int at) => (start == 0 || at >= overlap / 2) && (start + tile == size || at < tile - overlap / 2);
    }

    /// <summary>Tiles of one colour each: from pixel to pixel the picture changes by no more than the share of what they have in common.</summary>
    [Fact]
    public void Tiles_that_differ_have_no_seam()
    {
        const int height = 16, width = 22, tile = 10, overlap = 4;
        var join = new TileJoin(new(height, width, 1), new(tile, tile, 1), new(height, width, 1), overlap, blend: true);
        TilePlace[] places = [.. join.Places];
        Assert.Equal(6, places.Length);
        float[] pixels = Draw(join, new float[height * width], 1, tile, tile, 1, 1, place => Array.IndexOf(places, place) % 2);
        Assert.Equal(0, pixels[0]);
        Assert.InRange(pixels.Max() - pixels.Min(), 0.9f, 1f);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                if (x > 0) Assert.InRange(Math.Abs(pixels[y * width + x] - pixels[y * width + x - 1]), 0, 1f / overlap + 1e-6f);
                if (y > 0) Assert.InRange(Math.Abs(pixels[y * width + x] - pixels[(y - 1) * width + x]), 0, 1f / overlap + 1e-6f);
            }
        }
    }

    /// <summary>A decoder that repeats each element and adds a number of the tile's own.</summary>
    private static float[] Draw(TileJoin join, float[] states, int images, int rows, int columns, int channels, int scale, Func<TilePlace, float> own)
    {
        float[] part = new float[images * rows * columns * channels], drawn = new float[images * join.TilePixels], pixels = new float[states.Length * scale * scale];
        foreach (TilePlace place in join.Places)
        {
            join.Cut(states, place, part);
            for (int i = 0; i < drawn.Length; i++)
            {
                int channel = i % channels, x = i / channels % (columns * scale) / scale, y = i / channels / (columns * scale) / scale;
                drawn[i] = part[(y * columns + x) * channels + channel] + own(place);
            }

            join.Paste(drawn, place, pixels);
        }

        return pixels;
    }
}
