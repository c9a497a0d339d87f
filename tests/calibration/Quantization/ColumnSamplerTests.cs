namespace Specializer.Calibration.Tests;

public class ColumnSamplerTests
{
    [Theory]
    [InlineData(50, 256, 784)]
    [InlineData(50, 2048, 49)]
    [InlineData(3, 2, 49)]
    public void NeverMoreThanTheMaximumAndNoPixelTwice(int steps, int images, int pixels)
    {
        var sampler = new ColumnSampler(7, steps, images);
        long total = 0;
        for (int step = 0; step < steps; step++)
        {
            for (int image = 0; image < images; image++)
            {
                int[] chosen = sampler.Choose(2, step, image, pixels);
                Assert.Equal(chosen.Length, chosen.Distinct().Count());
                Assert.All(chosen, p => Assert.InRange(p, 0, pixels - 1));
                total += chosen.Length;
            }
        }

        Assert.InRange(total, Math.Min(ColumnSampler.MaximumColumns * 9 / 10, (long)steps * images * pixels), ColumnSampler.MaximumColumns);
    }

    /// <summary>All where they are short; of the longest block six for each element.</summary>
    [Theory]
    [InlineData(4, 65_536)]
    [InlineData(1152, 65_536)]
    [InlineData(1153, 65_422)]
    [InlineData(2304, 16_384)]
    [InlineData(2880, 17_280)]
    [InlineData(4608, 27_648)]
    [InlineData(4609, 16_369)]
    [InlineData(11_520, 23_040)]
    public void LongLayersTakeFewer(int size, int columns)
    {
        Assert.Equal(columns, ColumnSampler.Most(size));
        Assert.Equal(columns, Enumerable.Range(0, 20).Sum(image => new ColumnSampler(7, 1, 20).Choose(2, 0, image, 784 * 64, columns).Length));
    }

    /// <summary>What a checkpoint must hold: known without choosing, where maps have fewer pixels than their share and where they have more.</summary>
    [Theory]
    [InlineData(5, 7, 49, 100)]
    [InlineData(5, 7, 2, 100)]
    [InlineData(5, 7, 3, 100)]
    [InlineData(3, 2, 49, 65_536)]
    [InlineData(50, 20, 4, 13)]
    public void HowManyAreChosenIsKnownBefore(int steps, int images, int pixels, int most)
    {
        var sampler = new ColumnSampler(7, steps, images);
        int[] chosen = [.. Enumerable.Range(0, steps * images).Select(pair => sampler.Choose(2, pair % steps, pair / steps, pixels, most).Length)];
        for (int first = 0; first < chosen.Length; first += 3)
            for (int end = first; end <= chosen.Length; end += 4) Assert.Equal(chosen[first..end].Sum(), sampler.Count(first, end, pixels, most));
    }

    [Fact]
    public void LayersAndSeedsDrawDifferently()
    {
        int[] first = new ColumnSampler(1, 10, 100).Choose(0, 3, 5, 784);
        Assert.Equal(first, new ColumnSampler(1, 10, 100).Choose(0, 3, 5, 784));
        Assert.NotEqual(first, new ColumnSampler(1, 10, 100).Choose(1, 3, 5, 784));
        Assert.NotEqual(first, new ColumnSampler(2, 10, 100).Choose(0, 3, 5, 784));
    }

    [Theory]
    [InlineData(5, 4, 3, 1, 1, 1, 5, 4)]
    [InlineData(5, 4, 3, 2, 0, 1, 2, 2)]
    [InlineData(3, 2, 3, 1, 1, 2, 6, 4)]
    [InlineData(3, 2, 3, 1, 1, 2, 5, 4)]
    [InlineData(20, 33, 3, 1, 1, 2, 39, 65)]
    [InlineData(4, 4, 1, 1, 0, 1, 4, 4)]
    public void ColumnsHoldWhatTheConvolutionReads(int height, int width, int kernel, int stride, int padding, int upsample, int outputHeight, int outputWidth)
    {
        const int channels = 3;
        // Nearest interpolation, as the source library has it: row y of m is row ⌊y·n/m⌋ of n.
        var (enlargedHeight, enlargedWidth) = upsample == 1 ? (height, width) : (outputHeight, outputWidth);
        float[] map = new Gaussian(1).Values(height * width * channels);
        var shape = new ColumnShape(height, width, channels, outputHeight, outputWidth, kernel, stride, padding, padding, upsample);
        var column = new float[shape.Size];
        for (int pixel = 0; pixel < outputHeight * outputWidth; pixel++)
        {
            shape.Gather(map, pixel, column);
            for (int e = 0; e < column.Length; e++)
            {
                int i = e / channels / kernel, j = e / channels % kernel, c = e % channels;
                double y = pixel / outputWidth * stride + i - padding, x = pixel % outputWidth * stride + j - padding;
                bool inside = y >= 0 && x >= 0 && y < enlargedHeight && x < enlargedWidth;
                float expected = inside ? map[((int)Math.Floor(y * height / enlargedHeight) * width + (int)Math.Floor(x * width / enlargedWidth)) * channels + c] : 0;
                Assert.Equal(expected, column[e]);
            }
        }
    }
}
