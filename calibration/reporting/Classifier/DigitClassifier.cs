using System.Runtime.Intrinsics;
using Specializer.Formats;

namespace Specializer.Reporting;

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
        private const int Lanes = 8;

        private readonly float[] _weights; // [tap, output], so that eight outputs share a load.
        private readonly float[] _bias;
        private readonly int _inputs;

        public Convolution(SafetensorsFile file, string name, int inputs)
        {
            _bias = file.ReadFloats($"{name}.bias");
            _inputs = inputs;
            int taps = inputs * Kernel * Kernel;
            if (Outputs == 0 || Outputs % Lanes != 0) throw new SafetensorsException(file.Path, $"{name}.bias", $"has {Outputs} elements; the digit classifier has a multiple of {Lanes}");
            float[] weights = Read(file, $"{name}.weight", Outputs * taps);
            _weights = new float[weights.Length];
            for (int i = 0; i < weights.Length; i++) _weights[i % taps * Outputs + i / taps] = weights[i];
        }

        public int Outputs => _bias.Length;

        public float[] Apply(ReadOnlySpan<float> maps, int size)
        {
            var result = new float[Outputs * size * size];
            for (int pixel = 0; pixel < size * size; pixel++)
            {
                int top = pixel / size - Kernel / 2, left = pixel % size - Kernel / 2;
                for (int o = 0; o < Outputs; o += Lanes)
                {
                    // One output channel a lane.
                    Vector256<float> sum = Vector256.Create<float>(_bias.AsSpan(o));
                    for (int c = 0; c < _inputs; c++)
                    {
                        for (int y = Math.Max(0, top); y < Math.Min(size, top + Kernel); y++)
                        {
                            for (int x = Math.Max(0, left); x < Math.Min(size, left + Kernel); x++)
                            {
                                int tap = (c * Kernel + y - top) * Kernel + x - left;
                                sum = Vector256.FusedMultiplyAdd(Vector256.Create(maps[(c * size + y) * size + x]), Vector256.Create<float>(_weights.AsSpan(tap * Outputs + o)), sum);
                            }
                        }
                    }

                    sum = Vector256.Max(sum, Vector256<float>.Zero);
                    for (int lane = 0; lane < Lanes; lane++) result[(o + lane) * size * size + pixel] = sum[lane];
                }
            }

            return result;
        }
    }
}
