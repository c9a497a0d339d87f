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
    {
        _expected = WeightTensors.Of(network, timesteps.Count);
        foreach (var (name, values) in model.Tensors(timesteps)) _tensors[name] = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        foreach (ConvolutionOperation convolution in network.Operations.OfType<ConvolutionOperation>().Where(o => o.WeightBits != 32))
        {
            cancellation.ThrowIfCancellationRequested();
            float[] weights = model.Weights[$"{convolution.Name}.weight"], biases = model.Weights[$"{convolution.Name}.bias"];
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

    /// <summary>Adds all tensors to a file.</summary>
    public void AddTo(SafetensorsWriter writer)
    {
        foreach (WeightTensor tensor in _expected.Values)
        {
            byte[] bytes = _tensors[tensor.Name];
            long[] shape = [.. tensor.Shape];
            switch (tensor.Type)
            {
                case "F32":
                    writer.Add(tensor.Name, MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape);
                    break;
                case "I8":
                    writer.Add(tensor.Name, MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray(), shape);
                    break;
                default:
                    writer.Add(tensor.Name, bytes, shape);
                    break;
            }
        }
    }
}
