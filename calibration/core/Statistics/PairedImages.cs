namespace Specializer.Calibration;

/// <summary>Fidelity of images to those of the same seeds drawn in FP32, image by image.</summary>
public sealed class PairedImages
{
    private readonly double[] _signal; // Σ reference² per image
    private readonly double[] _error;  // Σ (image − reference)² per image
    private readonly int _elements;
    private readonly double _peak;

    /// <summary>Sums signal and error of each pair.</summary>
    /// <param name="reference">FP32 images, one after the other.</param>
    /// <param name="images">Images of the same seeds.</param>
    /// <param name="elementsPerImage">Numbers in an image, at least 1.</param>
    /// <param name="peak">Largest possible difference: 2 for the range [−1, 1].</param>
    /// <exception cref="ArgumentException">The two do not hold the same number of whole images.</exception>
    public PairedImages(ReadOnlySpan<float> reference, ReadOnlySpan<float> images, int elementsPerImage, double peak = 2)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(elementsPerImage);
        if (reference.Length != images.Length || reference.Length % elementsPerImage != 0)
            throw new ArgumentException($"Images are compared in pairs: {reference.Length} and {images.Length} numbers are not pairs of images of {elementsPerImage}.", nameof(images));
        (_elements, _peak) = (elementsPerImage, peak);
        _signal = new double[reference.Length / elementsPerImage];
        _error = new double[_signal.Length];
        for (int i = 0; i < reference.Length; i++)
        {
            double difference = (double)images[i] - reference[i];
            _signal[i / elementsPerImage] += (double)reference[i] * reference[i];
            _error[i / elementsPerImage] += difference * difference;
        }
    }

    /// <param name="signal">Σ reference² of each image.</param>
    /// <param name="error">Σ (image − reference)² of each image.</param>
    /// <param name="elementsPerImage">Numbers in an image.</param>
    /// <param name="peak">Largest possible difference.</param>
    internal PairedImages(double[] signal, double[] error, int elementsPerImage, double peak) =>
        (_signal, _error, _elements, _peak) = (signal, error, elementsPerImage, peak);

    /// <summary>Number of pairs.</summary>
    public int Count => _signal.Length;

    /// <summary>Mean squared error of one image.</summary>
    /// <param name="image">0 to <see cref="Count"/> − 1.</param>
    public double MeanSquaredError(int image) => _error[image] / _elements;

    /// <summary>10·log₁₀ of the mean squared error of one image, dB. A floor far below any difference that shows keeps equal images comparable.</summary>
    /// <param name="image">0 to <see cref="Count"/> − 1.</param>
    public double ErrorDb(int image) => 10 * Math.Log10(MeanSquaredError(image) + 1e-12);

    /// <summary>10·log₁₀(Σ reference²/Σ error²) of one image, dB.</summary>
    /// <param name="image">0 to <see cref="Count"/> − 1.</param>
    public double SnrDb(int image) => 10 * Math.Log10(_signal[image] / _error[image]);

    /// <summary>10·log₁₀(peak²/mean squared error) of one image, dB.</summary>
    /// <param name="image">0 to <see cref="Count"/> − 1.</param>
    public double PsnrDb(int image) => 10 * Math.Log10(_peak * _peak / MeanSquaredError(image));

    /// <summary>SNR over all images together, with its interval, dB.</summary>
    /// <param name="seed">Seed of the bootstrap.</param>
    public Interval PooledSnrDb(ulong seed = 0) => Bootstrap.Estimate(Count, i => 10 * Math.Log10(i.Sum(n => _signal[n]) / i.Sum(n => _error[n])), seed);

    /// <summary>Median SNR over images, with its interval, dB.</summary>
    /// <param name="seed">Seed of the bootstrap.</param>
    public Interval MedianSnrDb(ulong seed = 0) => Bootstrap.Estimate(Count, i => Bootstrap.Median(i.Select(SnrDb)), seed);

    /// <summary>PSNR over all images together, with its interval, dB.</summary>
    /// <param name="seed">Seed of the bootstrap.</param>
    public Interval PooledPsnrDb(ulong seed = 0) => Bootstrap.Estimate(Count, i => 10 * Math.Log10(_peak * _peak / i.Average(MeanSquaredError)), seed);
}
