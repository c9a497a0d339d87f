using System.Runtime.InteropServices;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Models;

/// <summary>A network quantized by minimum and maximum: enough to measure speed, which does not depend on the values; no basis for quality.</summary>
internal sealed class MinMaxQuantization
{
    private readonly BenchmarkModel _model;
    private readonly QuantizedNetwork _quantized;
    private readonly Dictionary<string, ConvolutionOperation> _operations;

    /// <param name="model">FP32 network.</param>
    /// <param name="weightBits">4 or 8; the convolutions at input and output always have 8.</param>
    /// <param name="attentionBits">8 or 32, of attention's products.</param>
    public MinMaxQuantization(BenchmarkModel model, int weightBits, int attentionBits = 32)
    {
        _model = model;
        _quantized = QuantizedNetwork.Of(model.Network, weightBits, skip: [], attentionBits);
        _operations = Network.Operations.OfType<ConvolutionOperation>().ToDictionary(o => o.Name, StringComparer.Ordinal);
    }

    public Network Network => _quantized.Network;

    /// <summary>Parameters of a step whose 4-bit-weight layers read activations of <paramref name="bits"/> bits.</summary>
    public InterpretedStep Step(ActivationRanges ranges, int bits) => new()
    {
        Quantizations = [.. _quantized.Sources.Zip(_quantized.Widened, (source, widened) =>
        {
            float minimum = Math.Min(ranges.Maps[source.Map].Minimum, 0), maximum = Math.Max(ranges.Maps[source.Map].Maximum, 0);
            int levels = bits == 4 && !widened ? 15 : 255;
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
}
