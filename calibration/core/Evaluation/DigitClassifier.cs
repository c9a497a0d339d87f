using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>A small trained classifier of 28×28 digits, for the label accuracy and Fréchet distance of generated ones:
/// conv1 5×5, ReLU, max pool 2; conv2 5×5, ReLU, max pool 3; fully connected.</summary>
internal sealed class DigitClassifier
{
    /// <summary>Rows and columns of an image.</summary>
    public const int Size = 28;
    /// <summary>Labels.</summary>
    public const int Classes = 10;

    private const int Kernel = 5;
    private readonly Convolution _first, _second;
    private readonly float[] _weights, _bias;

    private DigitClassifier(SafetensorsFile file)
    {
        _first = new(file, "conv1", 1);
        _second = new(file, "conv2", _first.Outputs);
        _bias = Read(file, "fc.bias", Classes);
        Features = _second.Outputs * (Size / 2 / 3) * (Size / 2 / 3);
        _weights = Read(file, "fc.weight", Classes * Features);
    }

    /// <summary>Length of a feature vector, the input of the last layer.</summary>
    public int Features { get; }

    /// <summary>Opens <c>classifier.safetensors</c> in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">The file is missing.</exception>
    /// <exception cref="SafetensorsException">It is not the classifier.</exception>
    public static DigitClassifier Open(string folder)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, "classifier.safetensors"));
        return new(file);
    }

    /// <summary>Labels and features of images.</summary>
    /// <param name="images">[n, 28, 28], values 0 to 255.</param>
    /// <param name="threads">Threads to use.</param>
    /// <returns>Label per image, and features [n, Features].</returns>
    public (int[] Labels, float[] Features) Classify(float[] images, int threads = 1)
    {
        int count = images.Length / (Size * Size);
        if (images.Length != count * Size * Size) throw new ArgumentException($"Images of {Size}x{Size} pixels and one channel are expected.", nameof(images));
        var labels = new int[count];
        var features = new float[count * Features];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, n =>
        {
            float[] pooled = Pool(_first.Apply(images.AsSpan(n * Size * Size, Size * Size), Size), _first.Outputs, Size, 2);
            float[] feature = Pool(_second.Apply(pooled, Size / 2), _second.Outputs, Size / 2, 3);
            feature.CopyTo(features, n * Features);
            float best = float.NegativeInfinity;
            for (int label = 0; label < Classes; label++)
            {
                float logit = _bias[label];
                for (int i = 0; i < Features; i++) logit += _weights[label * Features + i] * feature[i];
                if (logit > best) (best, labels[n]) = (logit, label);
            }
        });
        return (labels, features);
    }

    /// <summary>Pixels of the classifier from those of a model: [−1, 1] becomes [0, 255], clipped.</summary>
    public static float[] ToPixels(ReadOnlySpan<float> images)
    {
        var pixels = new float[images.Length];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = Math.Clamp((images[i] + 1) * 127.5f, 0, 255);
        return pixels;
    }

    private static float[] Read(SafetensorsFile file, string name, int expected)
    {
        float[] values = file.ReadFloats(name);
        return values.Length == expected ? values
            : throw new SafetensorsException(file.Path, name, $"has {values.Length} elements; the digit classifier needs {expected}");
    }

    /// <summary>Non-overlapping maximum; surplus rows and columns are dropped. Maps are [channel, row, column].</summary>
    private static float[] Pool(float[] maps, int channels, int size, int window)
    {
        int reduced = size / window;
        var pooled = new float[channels * reduced * reduced];
        Array.Fill(pooled, float.NegativeInfinity);
        for (int c = 0; c < channels; c++)
        {
            for (int y = 0; y < reduced * window; y++)
            {
                for (int x = 0; x < reduced * window; x++)
                {
                    ref float to = ref pooled[(c * reduced + y / window) * reduced + x / window];
                    to = Math.Max(to, maps[(c * size + y) * size + x]);
                }
            }
        }

        return pooled;
    }

    /// <summary>5×5 convolution with zero padding, then ReLU; maps are [channel, row, column].</summary>
    private sealed class Convolution
    {
        private readonly float[] _weights, _bias;
        private readonly int _inputs;

        public Convolution(SafetensorsFile file, string name, int inputs)
        {
            _bias = file.ReadFloats($"{name}.bias");
            _weights = Read(file, $"{name}.weight", _bias.Length * inputs * Kernel * Kernel);
            _inputs = inputs;
        }

        public int Outputs => _bias.Length;

        public float[] Apply(ReadOnlySpan<float> maps, int size)
        {
            var result = new float[Outputs * size * size];
            for (int o = 0; o < Outputs; o++)
            {
                Span<float> to = result.AsSpan(o * size * size, size * size);
                to.Fill(_bias[o]);
                for (int tap = 0; tap < _inputs * Kernel * Kernel; tap++)
                {
                    float w = _weights[o * _inputs * Kernel * Kernel + tap];
                    int dy = tap / Kernel % Kernel - Kernel / 2, dx = tap % Kernel - Kernel / 2;
                    ReadOnlySpan<float> from = maps.Slice(tap / (Kernel * Kernel) * size * size, size * size);
                    for (int y = Math.Max(0, -dy); y < Math.Min(size, size - dy); y++)
                    {
                        for (int x = Math.Max(0, -dx); x < Math.Min(size, size - dx); x++)
                            to[y * size + x] += w * from[(y + dy) * size + x + dx];
                    }
                }

                foreach (ref float v in to) v = Math.Max(0, v);
            }

            return result;
        }
    }
}
