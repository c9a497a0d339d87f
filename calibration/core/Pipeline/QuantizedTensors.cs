using System.Runtime.InteropServices;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>The weights file of a quantized network, as bytes by name: each tensor is made when it is asked for, from integers that are kept or from the FP32 model, and held by nobody.</summary>
internal sealed class QuantizedTensors
{
    private readonly IReadOnlyDictionary<string, float[]> _exact;
    private readonly IReadOnlyDictionary<string, WeightTensor> _expected;
    private readonly Dictionary<string, Func<QuantizedWeights>> _quantized = new(StringComparer.Ordinal);

    /// <param name="model">Gives the FP32 tensors.</param>
    /// <param name="timesteps">Of the steps.</param>
    /// <param name="network">The quantized network.</param>
    /// <param name="layers">Its convolutions, rounded.</param>
    /// <param name="secondOrder">How.</param>
    public QuantizedTensors(ImportedModel model, IReadOnlyList<float> timesteps, Network network, RoundedLayers layers, bool secondOrder)
        : this(model.Tensors(timesteps), timesteps.Count, network, layers, secondOrder)
    {
    }

    /// <param name="exact">FP32 tensors by name.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="network">The quantized network.</param>
    /// <param name="layers">Its convolutions, rounded.</param>
    /// <param name="secondOrder">How.</param>
    public QuantizedTensors(IReadOnlyDictionary<string, float[]> exact, int steps, Network network, RoundedLayers layers, bool secondOrder)
    {
        (_exact, _expected) = (exact, WeightTensors.Of(network, steps));
        foreach (ConvolutionOperation c in Integers(network)) _quantized[c.Name] = () => layers.Get(c.Name, c.WeightBits, secondOrder);
    }

    /// <summary>Rounded to nearest.</summary>
    /// <param name="model">Gives the FP32 tensors.</param>
    /// <param name="timesteps">Of the steps.</param>
    /// <param name="network">The quantized network.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    public static QuantizedTensors Nearest(ImportedModel model, IReadOnlyList<float> timesteps, Network network, int threads)
    {
        var layers = new RoundedLayers();
        foreach (ConvolutionOperation c in Integers(network)) layers.Round(model.Weights, c, null, threads);
        return new(model, timesteps, network, layers, secondOrder: false);
    }

    /// <summary>A network's convolutions with integers.</summary>
    public static IEnumerable<ConvolutionOperation> Integers(Network network) => network.Operations.OfType<ConvolutionOperation>().Where(o => o.IsInteger);

    /// <summary>Integers by convolution.</summary>
    public IReadOnlyDictionary<string, QuantizedWeights> Quantized => _quantized.ToDictionary(p => p.Key, p => p.Value(), StringComparer.Ordinal);

    /// <summary>A convolution's integers.</summary>
    public QuantizedWeights Of(string convolution) => _quantized[convolution]();

    /// <summary>Sets a convolution's integers.</summary>
    public void Set(string convolution, QuantizedWeights weights) => _quantized[convolution] = () => weights;

    /// <summary>The bytes of a tensor, as the packer asks for them.</summary>
    public byte[] Bytes(string name, long length)
    {
        int dot = name.LastIndexOf('.');
        if (!_quantized.TryGetValue(name[..dot], out Func<QuantizedWeights>? weights)) return HalfStorage.Bytes(_exact[name], _expected[name].Bytes);

        return name[(dot + 1)..] switch
        {
            "weight" => weights().ToBytes(),
            "scale" => MemoryMarshal.AsBytes(weights().Scales.AsSpan()).ToArray(),
            _ => MemoryMarshal.AsBytes(weights().Bias.AsSpan()).ToArray(),
        };
    }

    /// <summary>Bytes of all tensors together.</summary>
    public long TotalBytes => _expected.Values.Sum(t => t.Bytes);

    /// <summary>Adds all tensors to a file. They are made when it is written.</summary>
    /// <param name="writer">Writes the file.</param>
    /// <param name="prefix">Before each name.</param>
    public void AddTo(SafetensorsWriter writer, string prefix = "")
    {
        foreach (WeightTensor tensor in _expected.Values)
        {
            DType type = tensor.Type switch { "F32" => DType.F32, "F16" => DType.F16, "I8" => DType.I8, _ => DType.U8 };
            writer.Add(prefix + tensor.Name, type, [.. tensor.Shape], stream => stream.Write(Bytes(tensor.Name, tensor.Bytes)));
        }
    }
}
