using System.Runtime.InteropServices;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>The weights file of a quantized network, as bytes by name.</summary>
internal sealed class QuantizedTensors
{
    private readonly Dictionary<string, byte[]> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, QuantizedWeights> _quantized = new(StringComparer.Ordinal);
    private readonly IReadOnlyDictionary<string, WeightTensor> _expected;

    /// <param name="model">Gives the FP32 tensors.</param>
    /// <param name="timesteps">Of the steps.</param>
    /// <param name="network">The quantized network.</param>
    /// <param name="moments">Input moments of a convolution, or null to round it to nearest.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellation">Acts between layers.</param>
    public QuantizedTensors(ImportedModel model, IReadOnlyList<float> timesteps, Network network, Func<string, InputMoments?> moments, int threads,
        CancellationToken cancellation)
        : this(model.Tensors(timesteps), timesteps.Count, network, moments, threads, cancellation)
    {
    }

    /// <param name="exact">FP32 tensors by name.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="network">The quantized network.</param>
    /// <param name="moments">Input moments of a convolution, or null to round it to nearest.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellation">Acts between layers.</param>
    public QuantizedTensors(IReadOnlyDictionary<string, float[]> exact, int steps, Network network, Func<string, InputMoments?> moments, int threads,
        CancellationToken cancellation)
    {
        _expected = WeightTensors.Of(network, steps);
        ConvolutionOperation[] convolutions = [.. network.Operations.OfType<ConvolutionOperation>().Where(o => o.WeightBits != 32)];
        // What becomes integers is never held in FP32: of a large model that is nearly all.
        var replaced = new HashSet<string>(convolutions.SelectMany(c => (string[])[$"{c.Name}.weight", $"{c.Name}.bias"]), StringComparer.Ordinal);
        foreach (string name in exact.Keys.Where(n => !replaced.Contains(n))) _tensors[name] = MemoryMarshal.AsBytes(exact[name].AsSpan()).ToArray();
        foreach (ConvolutionOperation convolution in convolutions)
        {
            cancellation.ThrowIfCancellationRequested();
            float[] weights = exact[$"{convolution.Name}.weight"], biases = exact[$"{convolution.Name}.bias"];
            Set(convolution.Name, moments(convolution.Name) is { } inputs
                ? WeightRounding.SecondOrder(weights, biases, convolution.WeightBits, inputs, threads)
                : WeightRounding.Nearest(weights, biases, convolution.WeightBits));
        }
    }

    /// <summary>Integers by convolution.</summary>
    public IReadOnlyDictionary<string, QuantizedWeights> Quantized => _quantized;

    /// <summary>Sets a convolution's integers.</summary>
    public void Set(string convolution, QuantizedWeights weights)
    {
        _quantized[convolution] = weights;
        _tensors[$"{convolution}.weight"] = weights.ToBytes();
        _tensors[$"{convolution}.scale"] = MemoryMarshal.AsBytes(weights.Scales.AsSpan()).ToArray();
        _tensors[$"{convolution}.bias"] = MemoryMarshal.AsBytes(weights.Bias.AsSpan()).ToArray();
    }

    /// <summary>The bytes of a tensor, as the packer asks for them.</summary>
    public byte[] Bytes(string name, long length) => _tensors[name];

    /// <summary>Bytes of all tensors together.</summary>
    public long TotalBytes => _expected.Keys.Sum(name => (long)_tensors[name].Length);

    /// <summary>Adds all tensors to a file.</summary>
    /// <param name="writer">Writes the file.</param>
    /// <param name="prefix">Before each name.</param>
    public void AddTo(SafetensorsWriter writer, string prefix = "")
    {
        foreach (WeightTensor tensor in _expected.Values)
        {
            byte[] bytes = _tensors[tensor.Name];
            long[] shape = [.. tensor.Shape];
            switch (tensor.Type)
            {
                case "F32":
                    writer.Add(prefix + tensor.Name, MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape);
                    break;
                case "I8":
                    writer.Add(prefix + tensor.Name, MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray(), shape);
                    break;
                default:
                    writer.Add(prefix + tensor.Name, bytes, shape);
                    break;
            }
        }
    }
}
