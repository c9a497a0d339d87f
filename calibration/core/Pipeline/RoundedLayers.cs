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

    /// <param name="file">Where they lie; what it holds already is taken, up to what is no layer of these.</param>
    /// <param name="sizes">Output channels and weights of each layer.</param>
    public RoundedLayers(AppendedFile file, IReadOnlyDictionary<string, (int Outputs, int Weights)> sizes)
    {
        _file = file;
        file.ReadAll((offset, reader) =>
        {
            var (key, weights) = Read(reader);
            if (!sizes.TryGetValue(key.Layer, out var size) || size != (weights.Scales.Length, weights.Values.Length)) throw new InvalidDataException($"{MessageText.Quote(key.Layer)} is no such layer of this model");
            int limit = key.Bits is 4 or 8 ? WeightScales.Limit(key.Bits) : throw new InvalidDataException($"no weights have {key.Bits} bits");
            if (!Array.TrueForAll(weights.Values, value => Math.Abs((int)value) <= limit) || !Array.TrueForAll(weights.Scales, scale => scale > 0 && float.IsFinite(scale)) || !Array.TrueForAll(weights.Bias, float.IsFinite) || !double.IsFinite(weights.Loss))
                throw new InvalidDataException($"{key.Layer} holds what no weights of {key.Bits} bits are");
            _layers[key] = (offset, null);
        });
    }

    /// <summary>Output channels and weights of each convolution.</summary>
    public static Dictionary<string, (int Outputs, int Weights)> Sizes(Network network)
    {
        var channels = network.Maps.ToDictionary(m => m.Name, m => m.Channels, StringComparer.Ordinal);
        return network.Operations.OfType<ConvolutionOperation>()
            .ToDictionary(c => c.Name, c => (channels[c.Output], channels[c.Output] * channels[c.Input] * c.KernelSize * c.KernelSize), StringComparer.Ordinal);
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
    /// <param name="inputs">H of its inputs; null to round to nearest.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    public void Round(IReadOnlyDictionary<string, float[]> exact, ConvolutionOperation convolution, DampedHessian? inputs, int threads)
    {
        var key = (convolution.Name, convolution.WeightBits, inputs is not null);
        if (_layers.ContainsKey(key)) return;
        float[] weights = exact[$"{convolution.Name}.weight"], bias = exact[$"{convolution.Name}.bias"];
        QuantizedWeights rounded = inputs is null
            ? WeightRounding.Nearest(weights, bias, convolution.WeightBits, threads)
            : WeightRounding.SecondOrder(weights, bias, convolution.WeightBits, inputs, threads);
        Keep(key, rounded);
    }

    /// <summary>Keeps a layer that is rounded to the second order.</summary>
    /// <param name="layer">Its name.</param>
    /// <param name="weights">What it became.</param>
    public void Add(string layer, QuantizedWeights weights) => Keep((layer, weights.Bits, true), weights);

    private void Keep((string Layer, int Bits, bool SecondOrder) key, QuantizedWeights rounded) =>
        _layers.Add(key, _file is null ? (0, rounded) : (_file.Append(writer => Write(writer, key, rounded)), null));

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

    private static ((string Layer, int Bits, bool SecondOrder) Key, QuantizedWeights Weights) Read(BinaryReader reader)
    {
        var key = (Layer: reader.ReadString(), Bits: reader.ReadInt32(), SecondOrder: reader.ReadBoolean());
        int outputs = reader.ReadInt32(), count = reader.ReadInt32();
        double loss = reader.ReadDouble();
        // Before anything is allocated.
        if (outputs < 0 || count < 0 || 2L * sizeof(float) * outputs + count != reader.BaseStream.Length - reader.BaseStream.Position) throw new InvalidDataException($"{outputs} scales and {count} weights are not what the record holds");
        float[] scales = new float[outputs], bias = new float[outputs];
        var values = new sbyte[count];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(scales.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(bias.AsSpan()));
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return (key, new(key.Bits, values, scales, bias, loss));
    }
}
