using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>What is measured of one sampler while it draws the same images as FP32.</summary>
internal sealed class RowMeasurement(int images, int channels, int elements, int steps, CoarsePixels coarse)
{
    private readonly double[] _signal = new double[steps], _error = new double[steps];
    // A page shows two rows of pictures; large ones are kept only as far as they stay small together.
    private const int MostKept = 16, MostKeptElements = 1 << 20;

    private readonly List<float[]> _kept = [];
    private readonly List<double> _milliseconds = [];
    private readonly List<float> _features = [];
    private int _classified, _right;

    private int MostPictures => Math.Clamp(MostKeptElements / elements, 1, MostKept);

    /// <summary>Final images beside FP32's.</summary>
    public ImageMoments Moments { get; } = new(images, channels, elements, coarse);

    /// <summary>The first images, at least one.</summary>
    public IReadOnlyList<float[]> Kept => _kept;

    /// <summary>Milliseconds per image, batch by batch.</summary>
    public IReadOnlyList<double> Milliseconds => _milliseconds;

    /// <summary>Classifier's features, image after image.</summary>
    public ReadOnlySpan<float> Features => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_features);

    /// <summary>Share of images that show their label.</summary>
    public double LabelAccuracy => (double)_right / _classified;

    /// <summary>SNR of the state after each step to FP32's, dB.</summary>
    public double[] DriftDb => [.. _signal.Zip(_error, (s, e) => 10 * Math.Log10(s / e))];

    /// <summary>Adds a batch's states after one step.</summary>
    public void AddState(int step, ReadOnlySpan<float> reference, ReadOnlySpan<float> state)
    {
        double signal = 0, error = 0;
        for (int i = 0; i < state.Length; i++)
        {
            double difference = (double)state[i] - reference[i];
            signal += (double)reference[i] * reference[i];
            error += difference * difference;
        }

        _signal[step] += signal;
        _error[step] += error;
    }

    /// <summary>Adds a batch's final images.</summary>
    public void AddImages(int first, ReadOnlySpan<float> reference, ReadOnlySpan<float> pixels)
    {
        for (int image = 0; image < pixels.Length / elements; image++)
        {
            Range range = (image * elements)..((image + 1) * elements);
            Moments.Add(first + image, reference[range], pixels[range]);
            if (_kept.Count < MostPictures) _kept.Add(pixels[range].ToArray());
        }
    }

    /// <summary>Adds the time of a batch.</summary>
    public void AddTime(double milliseconds, int count) => _milliseconds.Add(milliseconds / count);

    /// <summary>Adds what the classifier found in a batch.</summary>
    public void AddDigits(ReadOnlySpan<int> found, ReadOnlySpan<int> asked, ReadOnlySpan<float> features)
    {
        for (int i = 0; i < found.Length; i++) _right += asked.Length > 0 && found[i] == asked[i] ? 1 : 0;
        _classified += found.Length;
        _features.AddRange(features);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        Moments.Write(writer);
        foreach (double value in _signal.Concat(_error)) writer.Write(value);
        writer.Write(_milliseconds.Count);
        foreach (double value in _milliseconds) writer.Write(value);
        writer.Write(_features.Count);
        foreach (float value in _features) writer.Write(value);
        writer.Write(_kept.Count);
        foreach (float value in _kept.SelectMany(picture => picture)) writer.Write(value);
        writer.Write(_classified);
        writer.Write(_right);
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote for the same images.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="batches">Batches that were added.</param>
    /// <param name="done">Images in them.</param>
    /// <param name="features">That the classifier has of each; null where there is none.</param>
    /// <exception cref="InvalidDataException">It is no such state.</exception>
    public void Read(BinaryReader reader, int batches, int done, int? features)
    {
        Moments.Read(reader, done);
        for (int step = 0; step < steps; step++) _signal[step] = Sum();
        for (int step = 0; step < steps; step++) _error[step] = Sum();
        for (int left = Count(batches, batches); left > 0; left--) _milliseconds.Add(Sum());
        int classified = features is null ? 0 : done, numbers = checked(classified * features.GetValueOrDefault());
        for (int left = Count(numbers, numbers); left > 0; left--) _features.Add(Finite());
        int kept = Math.Min(done, MostPictures);
        for (int left = Count(kept, kept); left > 0; left--) _kept.Add([.. Enumerable.Range(0, elements).Select(_ => Finite())]);
        _classified = Count(classified, classified);
        _right = Count(0, classified);

        int Count(int least, int most) => reader.ReadInt32() is var count && count >= least && count <= most ? count : throw new InvalidDataException($"a count is {count}, not {least} to {most}");

        double Sum() => reader.ReadDouble() is >= 0 and < double.PositiveInfinity and var sum ? sum : throw new InvalidDataException("a sum of squares, or a time, is none");

        float Finite() => reader.ReadSingle() is var value && float.IsFinite(value) ? value : throw new InvalidDataException("a number of a picture is not finite");
    }

    /// <summary>Median over batches. The first one pays for compiling the code and is left out where there are others.</summary>
    public static double MedianOfBatches(IEnumerable<double> perBatch)
    {
        double[] all = [.. perBatch];
        return Bootstrap.Median(all.Length > 1 ? all[1..] : all);
    }
}
