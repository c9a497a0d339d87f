using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>Real digits and a classifier, for the accuracy and Fréchet distance of drawn ones. The test set is cut into two halves, even and odd images
/// (it may be sorted by label): one is what rows are compared with, the other gives the distance of real digits to real digits.</summary>
internal sealed class DigitReference
{
    private readonly DigitClassifier _classifier;
    private readonly float[] _features;
    private readonly int _threads;

    private DigitReference(DigitClassifier classifier, byte[] pixels, byte[] labels, int count, int threads)
    {
        (_classifier, _threads) = (classifier, threads);
        int half = labels.Length / 2;
        count = Math.Min(count, half);
        var (_, reference) = Sample(1);
        var (right, other) = Sample(0);
        _features = reference;
        RealAccuracy = (double)right / count;
        RealFrechet = Distance(other);

        (int Right, float[] Features) Sample(int offset)
        {
            int[] chosen = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * half / count) * 2 + offset)];
            const int size = DigitClassifier.Size * DigitClassifier.Size;
            var images = new float[count * size];
            for (int i = 0; i < images.Length; i++) images[i] = pixels[chosen[i / size] * size + i % size];
            var (found, features) = classifier.Classify(images, threads);
            return (found.Where((label, i) => label == labels[chosen[i]]).Count(), features);
        }
    }

    /// <summary>Share of real digits that are read as labelled.</summary>
    public double RealAccuracy { get; }

    /// <summary>Fréchet distance of real digits to other real ones.</summary>
    public double RealFrechet { get; }

    /// <summary>Opens a folder with <c>classifier.safetensors</c>, <c>t10k-images-idx3-ubyte.gz</c> and <c>t10k-labels-idx1-ubyte.gz</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="count">Images of a row: samples of real digits are as large, up to half of the test set.</param>
    /// <param name="threads">Threads to use; figures do not depend on it.</param>
    /// <exception cref="IOException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">Images and labels do not belong together.</exception>
    public static DigitReference Open(string folder, int count, int threads)
    {
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"The classifier's folder '{folder}' does not exist.");
        string file = Path.Combine(folder, "t10k-images-idx3-ubyte.gz");
        var (shape, pixels) = IdxFile.Read(file);
        var (_, labels) = IdxFile.Read(Path.Combine(folder, "t10k-labels-idx1-ubyte.gz"));
        if (shape is not [>= 4, DigitClassifier.Size, DigitClassifier.Size] || labels.Length != shape[0])
            throw new InvalidDataException($"{file}: at least 4 images of 28×28 pixels and as many labels are expected, not {string.Join('×', shape)} and {labels.Length}.");
        return new(DigitClassifier.Open(folder), pixels, labels, count, threads);
    }

    /// <summary>Features of an image.</summary>
    public int Features => _classifier.Features;

    /// <summary>Labels and features of a model's images, values in [−1, 1].</summary>
    public (int[] Labels, float[] Features) Classify(ReadOnlySpan<float> images) => _classifier.Classify(DigitClassifier.ToPixels(images), _threads);

    /// <summary>Fréchet distance to real digits.</summary>
    public double Distance(ReadOnlySpan<float> features) => Distance(features, _features);

    /// <summary>Fréchet distance of two sets of images.</summary>
    public double Distance(ReadOnlySpan<float> first, ReadOnlySpan<float> second) => FrechetDistance.Between(first, second, _classifier.Features);
}
