using Specializer.Manifest;

namespace Specializer.Calibration.Export;

/// <summary>Writes an FP32 network as an ONNX model, the way other runtimes like it best: NCHW, one convolution where the network has two
/// halves, group norm as the instance norm that exporters write, x·sigmoid(x) as the pattern that runtimes fuse.</summary>
/// <remarks>Inputs: <c>sample</c> [N, C, H, W] and <c>timestep</c> [N] with, for a conditional network, <c>label</c> [N], both int64; or instead of these two
/// <c>vectors</c> [N, V], when the embedding stays outside as it does in a sampler; then the network's further inputs by their names. Output: <c>epsilon</c> [N, C, H, W].
/// A map of one row is a list of tokens as other libraries have it, [N, tokens, C]; one that a lookup reads, their numbers [N, tokens] in int64. With ranges, QuantizeLinear and DequantizeLinear stand
/// around every convolution: activations unsigned with a zero point per tensor, weights symmetric per output channel, bias in int32;
/// dynamically, DynamicQuantizeLinear and ConvInteger with the same weights, the sums scaled back.</remarks>
internal sealed partial class OnnxExporter : IOperationVisitor<bool>
{
    private readonly Network _network;
    private readonly Func<string, float[]> _tensor;
    private readonly OnnxExportOptions _options;
    private readonly OnnxGraph _graph;
    private readonly Dictionary<string, Map> _maps;
    private readonly IReadOnlyDictionary<ConvolutionOperation, WholeConvolution> _convolutions;
    /// <summary>Map to the ONNX value that holds it. A map of a concatenation's halves alone is never needed.</summary>
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _concatenations = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _quantized = new(StringComparer.Ordinal);
    // Of a map that is quantized dynamically: integers, scale, zero point.
    private readonly Dictionary<string, string[]> _dynamic = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _vectors = [];
    /// <summary>Inputs that are numbers of rows, by map.</summary>
    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);

    private static readonly int[] s_channelsLast = [0, 2, 3, 1], s_channelsFirst = [0, 3, 1, 2];

    private OnnxExporter(Network network, Func<string, float[]> tensor, OnnxExportOptions options)
    {
        _graph = new("network", options.Data);
        _network = network;
        _tensor = tensor;
        _options = options;
        _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        _convolutions = WholeConvolution.In(network);
    }

    /// <summary>Writes the model.</summary>
    /// <param name="network">All of whose maps are FP32.</param>
    /// <param name="tensor">FP32 tensors by name, laid out as the network's operations say.</param>
    /// <param name="output">Receives the ModelProto.</param>
    /// <param name="options">Batch and quantization.</param>
    /// <exception cref="ArgumentException">The network is quantized.</exception>
    /// <exception cref="InvalidDataException">A tensor has another length than its operation needs.</exception>
    public static void Export(Network network, Func<string, float[]> tensor, Stream output, OnnxExportOptions? options = null)
    {
        if (network.Maps.FirstOrDefault(m => m.IsQuantized) is { } quantized)
            throw new ArgumentException($"Map '{quantized.Name}' is quantized; only the FP32 network can be written as ONNX.", nameof(network));
        var exporter = new OnnxExporter(network, tensor, options ?? new());
        exporter.Write();
        exporter._graph.WriteTo(output);
    }

    private object Batch => _options.Batch is { } batch ? batch : "N";

    private void Write()
    {
        Map result = _maps[_network.Epsilon];
        Input(_options.Input, _maps[_network.Latent]);
        SplitVectors();
        foreach (string input in _network.Inputs) Input(input, _maps[input]);
        foreach (Operation operation in _network.Operations) operation.Accept(this);

        if (result.Height == 1)
        {
            _graph.Output(ToPixels(_options.Output, _values[result.Name], result, _options.Output), Batch, result.Width, result.Channels);
        }
        else
        {
            _graph.Output(_graph.Node("Identity", _options.Output, [_values[result.Name]]), Batch, result.Channels, result.Height, result.Width);
        }
    }

    private void Input(string name, Map map)
    {
        if (_network.Operations.All(o => !o.Inputs().Contains(map.Name) || o is LookupOperation || (o is SelectOperation select && select.Input != map.Name))) _tokens[map.Name] = _graph.Input<long>(name, Batch, map.Pixels);
        else if (map.Height == 1) _values[map.Name] = FromPixels(name + ".map", _graph.Input<float>(name, Batch, map.Width, map.Channels), map);
        else _values[map.Name] = _graph.Input<float>(name, Batch, map.Channels, map.Height, map.Width);
    }

    /// <summary>A map as [N, pixels, C].</summary>
    private string ToPixels(string name, string value, Map map, string? output = null)
    {
        string flat = _graph.Node("Reshape", name + ".flat", [value, _graph.Constant<long>(name + ".flat_shape", [0, map.Channels, map.Pixels], 3)]);
        return _graph.Node("Transpose", output ?? name + ".list", [flat], ("perm", new[] { 0, 2, 1 }));
    }

    /// <summary>A map of [N, pixels, C].</summary>
    private string FromPixels(string name, string pixels, Map map)
    {
        string transposed = _graph.Node("Transpose", name + ".transposed", [pixels], ("perm", new[] { 0, 2, 1 }));
        return _graph.Node("Reshape", name, [transposed, _graph.Constant<long>(name + ".map_shape", [0, map.Channels, map.Height, map.Width], 4)]);
    }

    /// <summary>Cuts the step vectors apart once, instead of slicing them in every block.</summary>
    private void SplitVectors()
    {
        int vectors = _network.Embedding.Vectors;
        if (vectors == 0) return;
        string all = _options.Timesteps == 0 ? _graph.Input<float>("vectors", Batch, vectors) : Embed();
        var lengths = new SortedDictionary<int, int>();
        foreach (WholeConvolution convolution in _convolutions.Values)
            foreach (int vector in convolution.Vectors) lengths[vector] = _maps[convolution.Last.Output].Channels;
        foreach (ScaleShiftOperation o in _network.Operations.OfType<ScaleShiftOperation>())
            lengths[o.Vector] = lengths[o.Vector + _maps[o.Output].Channels] = _maps[o.Output].Channels;
        int next = 0;
        foreach (var (start, length) in lengths.ToArray())
        {
            if (start < next) throw new InvalidDataException($"Elements {start} to {next} of the step vectors are read by two operations.");
            // The scale of an embedding that is only added is read by none.
            if (start > next) lengths[next] = start - next;
            next = start + length;
        }

        if (next != vectors) throw new InvalidDataException($"The operations read {next} of {vectors} elements of the step vectors.");
        string[] parts = _graph.Node("Split", "vectors.split", [all, _graph.Constant<long>("vectors.lengths", [.. lengths.Values], lengths.Count)], [.. lengths.Keys.Select(start => $"vectors.{start}")], ("axis", 1));
        foreach (var (start, part) in lengths.Keys.Zip(parts))
            _vectors[start] = _graph.Node("Unsqueeze", $"vectors.{start}.map", [part, _graph.Constant<long>("pixel_axes", [2, 3], 2)]);
    }

    /// <summary>The step vectors from timestep and label: a table that holds the time MLP's results, and the blocks' projections as one product.</summary>
    private string Embed()
    {
        int steps = _options.Timesteps;
        var (width, classes, vectors) = _network.Embedding;
        string Table(string name, params ReadOnlySpan<long> shape)
        {
            int length = 1;
            foreach (long extent in shape) length = checked(length * (int)extent);
            return _graph.Constant<float>(name, WholeConvolution.Tensor(_tensor, name, length), shape);
        }

        string timestep = _graph.Input<long>("timestep", Batch);
        if (width == 0) return _graph.Node("Gather", "vectors", [Table("embedding.vectors", steps, vectors), timestep]);
        string x = _graph.Node("Gather", "embedding.time_row", [Table("embedding.time", steps, width), timestep]);
        string label = _graph.Node("Gather", "embedding.label_row", [Table("embedding.label", classes, width), _graph.Input<long>("label", Batch)]);
        x = _graph.Node("Add", "embedding.sum", [x, label]);
        x = _graph.Node("Mul", "embedding.silu", [x, _graph.Node("Sigmoid", "embedding.sigmoid", [x])]);
        return _graph.Node("Gemm", "vectors", [x, Table("embedding.weight", vectors, width), Table("embedding.bias", vectors)], ("transB", 1));
    }

    /// <summary>The value of one map, or of the concatenation of two.</summary>
    private string Value(string[] maps)
    {
        if (maps.Length == 1) return _values[maps[0]];
        string key = Key(maps[0], maps[1]);
        if (!_concatenations.TryGetValue(key, out string? value))
            _concatenations[key] = value = _graph.Node("Concat", $"{maps[0]}.{maps[1]}.concatenated", [_values[maps[0]], _values[maps[1]]], ("axis", 1));
        return value;
    }

    private static string Key(string first, string second) => first + "|" + second;

    private static ValueRange Range(IReadOnlyDictionary<string, ValueRange> ranges, string name) =>
        !ranges.TryGetValue(name, out ValueRange range) ? throw new ArgumentException($"The calibration run saw no value of '{name}'.")
        : float.IsFinite(range.Maximum - range.Minimum) ? range : throw new ArithmeticException($"Values of '{name}' lie between {range.Minimum} and {range.Maximum}, which no 8 bits hold. Export the model in FP32.");

    private static float InputScale(string[] inputs, ActivationRanges ranges) =>
        ActivationScale(inputs.Select(name => Range(ranges.Maps, name)).Aggregate((a, b) => a.Union(b))).Scale;

    /// <summary>Asymmetric over 0…255; the range is widened to hold 0, which padding needs exactly.</summary>
    private static (float Scale, byte ZeroPoint) ActivationScale(ValueRange range)
    {
        float minimum = Math.Min(0, range.Minimum), maximum = Math.Max(0, range.Maximum);
        float scale = maximum > minimum ? (maximum - minimum) / 255 : 1;
        return (scale, (byte)Math.Clamp(MathF.Round(-minimum / scale), 0, 255));
    }

    /// <summary>The value after QuantizeLinear and DequantizeLinear.</summary>
    private string Quantized(string value, ValueRange range)
    {
        if (_quantized.TryGetValue(value, out string? done)) return done;
        var (scale, zeroPoint) = ActivationScale(range);
        string s = _graph.Constant<float>(value + ".q_scale", [scale]), z = _graph.Constant<byte>(value + ".q_zero", [zeroPoint]);
        return _quantized[value] = _graph.Node("DequantizeLinear", value + ".dequantized",
            [_graph.Node("QuantizeLinear", value + ".quantized", [value, s, z]), s, z]);
    }

    private static NotSupportedException NoForm(Operation operation) =>
        new($"Operation '{operation.Name}' ({operation.Kind}) has no ONNX form: the FP32 network has none.");
}
