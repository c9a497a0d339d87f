namespace Specializer.Calibration.Tests;

public class ImageMomentsTests
{
    private const int Elements = 24, Channels = 3;

    [Fact]
    public void Sums_give_the_figures_of_the_images_themselves()
    {
        var (reference, pixels) = (new Gaussian(1).Values(4 * Elements), new Gaussian(2).Values(4 * Elements));
        // Whole numbers, so that sums are exact in any order.
        foreach (float[] values in (float[][])[reference, pixels])
        {
            for (int i = 0; i < values.Length; i++) values[i] = MathF.Round(4 * values[i]);
        }

        ImageMoments moments = Moments(4, reference, pixels);
        var direct = new PairedImages(reference, pixels, Elements);
        Assert.Equal(direct.PooledSnrDb(), moments.Paired.PooledSnrDb());
        Assert.Equal(direct.MedianSnrDb(), moments.Paired.MedianSnrDb());
        Assert.Equal(direct.PooledPsnrDb(), moments.Paired.PooledPsnrDb());
        Assert.Equal(direct.SnrDb(2), moments.SnrDb([2]), 1e-9);
    }

    [Fact]
    public void Distances_are_the_closed_form_of_an_affine_map_per_channel()
    {
        // x = 0.9·r + bias[c], the same for all images: slope 0.9, variance ratio 0.81, whatever the channels' means.
        float[] bias = [0.1f, -0.2f, 0.3f], reference = new Gaussian(3).Values(5 * Elements);
        for (int i = 0; i < reference.Length; i++) reference[i] += i % Channels;
        var pixels = new float[reference.Length];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = 0.9f * reference[i] + bias[i % Channels];
        ImageMoments moments = Moments(5, reference, pixels);
        int[] all = [0, 1, 2, 3, 4];
        Assert.Equal(0.1, moments.Distance(Criterion.Correlation, all), 1e-6);
        Assert.Equal(0.19, moments.Distance(Criterion.Variance, all), 1e-6);
        double expected = Math.Sqrt(Enumerable.Range(0, Channels).Average(c =>
        {
            double difference = Enumerable.Range(0, reference.Length).Where(i => i % Channels == c).Average(i => (double)pixels[i] - reference[i]);
            return difference * difference;
        }));
        Assert.Equal(expected, moments.Distance(Criterion.Bias, all), 1e-9);
        // Images count as often as they are drawn.
        Assert.Equal(moments.Distance(Criterion.Bias, [1, 2]), moments.Distance(Criterion.Bias, [2, 1, 1, 2]), 1e-12);
        Assert.Throws<ArgumentOutOfRangeException>(() => moments.Distance(Criterion.PairedSnr, all));
    }

    [Fact]
    public void Images_of_another_size_are_refused() =>
        Assert.Throws<ArgumentException>(() => new ImageMoments(1, 1, 4).Add(0, new float[4], new float[5]));

    internal static ImageMoments Moments(int images, float[] reference, float[] pixels, int channels = Channels)
    {
        int elements = reference.Length / images;
        // As an image of one row.
        var moments = new ImageMoments(images, channels, elements, new(1, elements / channels, channels));
        for (int i = 0; i < images; i++) moments.Add(i, reference.AsSpan(i * elements, elements), pixels.AsSpan(i * elements, elements));
        return moments;
    }
}
