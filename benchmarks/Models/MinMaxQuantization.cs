using System.Runtime.InteropServices;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Models;

/// <summary>A network quantized by minimum and maximum: enough to measure speed, which does not depend on the values; no basis for quality.</summary>
internal sealed class MinMaxQuantization
{
    private readonly BenchmarkModel _model;
    private readonly int _weightBits;
    private readonly Dictionary<string, ConvolutionOperation> _operations;

    /// <param name="model">FP32 network.</param>
    /// <param name="weightBits">4 or 8; the convolutions at input and output always have 8.</param>
    public MinMaxQuantization(BenchmarkModel model, int weightBits)
    {
        _model = model;
        _weightBits = weightBits;
        Network = Quantize(model.Network);
        _operations = Network.Operations.OfType<ConvolutionOperation>().ToDictionary(o => o.Name, StringComparer.Ordinal);
    }

    public Network Network { get; }

    /// <summary>Parameters of a step whose 4-bit-weight layers read activations of <paramref name="bits"/> bits.</summary>
    public InterpretedStep Step(ActivationRanges ranges, int bits) => new()
    {
        Quantizations = [.. Network.Maps.Where(m => m.IsQuantized).Select(map =>
        {
            ValueRange seen = ranges.Maps[map.Name.EndsWith(QuantizedSuffix, StringComparison.Ordinal) ? map.Name[..^QuantizedSuffix.Length] : map.Name];
            float minimum = Math.Min(seen.Minimum, 0), maximum = Math.Max(seen.Maximum, 0);
            int levels = bits == 4 && map.Type == MapType.Quantized8 ? 15 : 255;
            float scale = Math.Max(maximum - minimum, 1e-6f) / levels;
            return new Quantization(scale, (int)Math.Clamp(MathF.Round(-minimum / scale), 0, levels), levels);
        })],
    };

    /// <summary>The bytes of a tensor, as the packer asks for them.</summary>
    public byte[] Bytes(string name, long length)
    {
        int dot = name.LastIndexOf('.');
        string operation = name[..dot], part = name[dot..];
        if (part is not (".weight" or ".scale") || !_operations.TryGetValue(operation, out ConvolutionOperation? convolution)) return _model.Bytes(name, length);
        float[] weights = _model.Tensors[operation + ".weight"];
        int outputs = _model.Tensors[operation + ".bias"].Length, row = weights.Length / outputs, largest = convolution.WeightBits == 4 ? 7 : 127;
        float[] scales = [.. Enumerable.Range(0, outputs).Select(o => Math.Max(weights.AsSpan(o * row, row).ToArray().Max(Math.Abs), 1e-6f) / largest)];
        if (part == ".scale") return MemoryMarshal.AsBytes(scales.AsSpan()).ToArray();

        sbyte Rounded(int o, int i) => i < row ? (sbyte)MathF.Round(weights[o * row + i] / scales[o]) : (sbyte)0;
        int bytesPerRow = convolution.WeightBits == 4 ? (row + 1) / 2 : row;
        var bytes = new byte[outputs * bytesPerRow];
        for (int o = 0; o < outputs; o++)
        {
            for (int i = 0; i < bytesPerRow; i++)
                bytes[o * bytesPerRow + i] = convolution.WeightBits == 4 ? (byte)(Rounded(o, 2 * i) & 15 | Rounded(o, 2 * i + 1) << 4) : (byte)Rounded(o, i);
        }

        return bytes;
    }

    private const string QuantizedSuffix = ".quantized";

    /// <summary>Convolutions read quantized maps: a norm in front quantizes in its own pass, other maps get an operation for it.</summary>
    private Network Quantize(Network network)
    {
        var types = new Dictionary<string, MapType>(StringComparer.Ordinal);
        var added = new List<Map>();
        var operations = new List<Operation>();
        HashSet<string> norms = [.. network.Operations.OfType<GroupNormOperation>().SelectMany(o => o.Outputs())];
        foreach (Operation operation in network.Operations)
        {
            if (operation is not ConvolutionOperation convolution)
            {
                operations.Add(operation);
                continue;
            }

            int bits = convolution.Input == network.Latent || convolution.Output == network.Epsilon ? 8 : _weightBits;
            MapType type = bits == 4 ? MapType.Quantized8 : MapType.Quantized16;
            string input = convolution.Input;
            if (norms.Contains(input))
            {
                types[input] = type;
            }
            else
            {
                Map map = network.Maps.Single(m => m.Name == input) with { Name = input + QuantizedSuffix, Type = type };
                if (added.All(m => m.Name != map.Name))
                {
                    added.Add(map);
                    operations.Add(new QuantizeOperation(convolution.Name + ".quantize", input, map.Name));
                }

                input = map.Name;
            }

            operations.Add(convolution with { Input = input, WeightBits = bits });
        }

        return network with
        {
            Maps = network.Maps.Select(m => types.TryGetValue(m.Name, out MapType type) ? m with { Type = type } : m).Concat(added).ToEquatableArray(),
            Operations = operations.ToEquatableArray(),
        };
    }
}
