using System.Runtime.InteropServices;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Convolutions that are rounded already, each by its bits and its rounding. Where a calibration keeps checkpoints they lie in one of these, which grows by a layer at a time:
/// a large model's integers are not in memory, and an interrupted calibration goes on at the layer where it stopped.</summary>
internal sealed class RoundedLayers
{
    private readonly AppendedFile? _file;
    private readonly Dictionary<(string Layer, int Bits, bool SecondOrder), (long Offset, QuantizedWeights? Weights)> _layers = [];
    private ((string, int, bool) Key, QuantizedWeights Weights)? _last;

    /// <summary>In memory.</summary>
    public RoundedLayers()
    {
    }

    /// <param name="file">Where they lie; what it holds already is taken.</param>
    public RoundedLayers(AppendedFile file)
    {
        _file = file;
        file.ReadAll((offset, reader) =>
        {
            var (key, _) = Read(reader);
            _layers[key] = (offset, null);
        });
    }

    /// <summary>Whether a layer is rounded.</summary>
    /// <param name="layer">Its name.</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="secondOrder">Or to nearest.</param>
    public bool Has(string layer, int bits, bool secondOrder) => _layers.ContainsKey((layer, bits, secondOrder));

    /// <summary>A layer that is rounded.</summary>
    /// <exception cref="KeyNotFoundException">It is not.</exception>
    public QuantizedWeights Get(string layer, int bits, bool secondOrder)
    {
        var key = (layer, bits, secondOrder);
        var (offset, weights) = _layers[key];
        if (weights is not null) return weights;
        // Its tensors are asked for one after the other.
        if (_last is { } last && last.Key == key) return last.Weights;
        QuantizedWeights read = _file!.Read(offset, reader => Read(reader).Weights);
        _last = (key, read);
        return read;
    }

    /// <summary>Rounds a layer, unless it is.</summary>
    /// <param name="exact">FP32 tensors by name.</param>
    /// <param name="convolution">The layer.</param>
    /// <param name="inputs">Moments of its inputs; null to round to nearest.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    public void Round(IReadOnlyDictionary<string, float[]> exact, ConvolutionOperation convolution, ColumnMoments? inputs, int threads)
    {
        var key = (convolution.Name, convolution.WeightBits, inputs is not null);
        if (_layers.ContainsKey(key)) return;
        float[] weights = exact[$"{convolution.Name}.weight"], bias = exact[$"{convolution.Name}.bias"];
        QuantizedWeights rounded = inputs is null
            ? WeightRounding.Nearest(weights, bias, convolution.WeightBits, threads)
            : WeightRounding.SecondOrder(weights, bias, convolution.WeightBits, inputs.Blocks, threads);
        _layers.Add(key, _file is null ? (0, rounded) : (_file.Append(writer => Write(writer, key, rounded)), null));
    }

    private static void Write(BinaryWriter writer, (string Layer, int Bits, bool SecondOrder) key, QuantizedWeights weights)
    {
        writer.Write(key.Layer);
        writer.Write(key.Bits);
        writer.Write(key.SecondOrder);
        writer.Write(weights.Scales.Length);
        writer.Write(weights.Values.Length);
        writer.Write(weights.Loss);
        writer.Write(MemoryMarshal.AsBytes(weights.Scales.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(weights.Bias.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(weights.Values.AsSpan()));
    }

    // The file has checked what it gives: it is what was written.
    private static ((string, int, bool) Key, QuantizedWeights Weights) Read(BinaryReader reader)
    {
        var key = (reader.ReadString(), reader.ReadInt32(), reader.ReadBoolean());
        float[] scales = new float[reader.ReadInt32()], bias = new float[scales.Length];
        var values = new sbyte[reader.ReadInt32()];
        double loss = reader.ReadDouble();
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(scales.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(bias.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return (key, new(key.Item2, values, scales, bias, loss));
    }
}
