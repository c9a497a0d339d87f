namespace Specializer.Calibration;

/// <summary>Images averaged over a coarse grid: features for a Fréchet distance that need no classifier and see a change of brightness, contrast and form.</summary>
/// <param name="height">Rows of an image.</param>
/// <param name="width">Columns.</param>
/// <param name="channels">Channels.</param>
internal sealed class CoarsePixels(int height, int width, int channels)
{
    // As many as some hundred images can tell something of.
    private const int MostFeatures = 64, MostSide = 7;

    private readonly int _rows = Math.Min(Side(channels), height), _columns = Math.Min(Side(channels), width);

    /// <summary>Features of an image.</summary>
    public int Features => _rows * _columns * channels;

    /// <summary>Features of images, NHWC, one after the other.</summary>
    public float[] Of(ReadOnlySpan<float> images)
    {
        var pooled = new float[images.Length / (height * width * channels) * Features];
        for (int i = 0; i < images.Length; i++)
        {
            int c = i % channels, x = i / channels % width, y = i / (channels * width) % height, n = i / (channels * width * height);
            pooled[n * Features + (y * _rows / height * _columns + x * _columns / width) * channels + c] += images[i] * _rows * _columns / (height * width);
        }

        return pooled;
    }

    /// <summary>The features of some images, each as often as it is drawn.</summary>
    /// <param name="features">Of all images: <see cref="Of"/>.</param>
    /// <param name="images">Which images.</param>
    public float[] Rows(float[] features, IReadOnlyCollection<int> images)
    {
        var rows = new float[images.Count * Features];
        int row = 0;
        foreach (int image in images) features.AsSpan(image * Features, Features).CopyTo(rows.AsSpan(row++ * Features));
        return rows;
    }

    private static int Side(int channels) => Math.Clamp((int)Math.Sqrt(MostFeatures / (double)channels), 1, MostSide);
}
