using Specializer.Manifest;

namespace Specializer.Calibration.Export;

/// <summary>Writes an FP32 network as an ONNX model, the way other runtimes like it best: NCHW, one convolution where the network has two
/// halves, group norm as the instance norm that exporters write, x·sigmoid(x) as the pattern that runtimes fuse.</summary>
/// <remarks>Inputs: <c>sample</c> [N, C, H, W] and <c>timestep</c> [N] with, for a conditional network, <c>label</c> [N], both int64; or instead of these two
/// <c>vectors</c> [N, V], when the embedding stays outside as it does in a sampler. Output: <c>epsilon</c> [N, C, H, W]. With ranges, QuantizeLinear and DequantizeLinear stand
/// around every convolution: activations unsigned with a zero point per tensor, weights symmetric per output channel, bias in int32.</remarks>
internal sealed class OnnxExporter
{
    private readonly Network _network;
    private readonly Func<string, float[]> _tensor;
    private readonly OnnxExportOptions _options;
    private readonly OnnxGraph _graph = new("network");
    private readonly Dictionary<string, Map> _maps;
    /// <summary>Map to the ONNX value that holds it. A map of a concatenation's halves alone is never needed.</summary>
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _concatenations = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _quantized = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _vectors = [];

    private OnnxExporter(Network network, Func<string, float[]> tensor, OnnxExportOptions options)
    {
        _network = network;
        _tensor = tensor;
        _options = options;
        _maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
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
        Map latent = _maps[_network.Latent], epsilon = _maps[_network.Epsilon];
        _values[latent.Name] = _graph.Input<float>("sample", Batch, latent.Channels, latent.Height, latent.Width);
        var convolutions = WholeConvolution.In(_network);
        SplitVectors(convolutions.Values);
        foreach (Operation operation in _network.Operations)
        {
            switch (operation)
            {
                case GroupNormOperation norm:
                    Normalize(norm);
                    break;
                case ConvolutionOperation convolution when convolutions.TryGetValue(convolution, out WholeConvolution? whole):
                    Convolve(whole);
                    break;
                case ConvolutionOperation:
                    break; // the first half of a whole that comes later
                case AttentionOperation attention:
                    Attend(attention);
                    break;
                default:
                    throw new NotSupportedException($"Operation '{operation.Name}' ({operation.GetType().Name}) has no ONNX form.");
            }
        }

        _graph.Node("Identity", "epsilon", [_values[epsilon.Name]]);
        _graph.Output("epsilon", Batch, epsilon.Channels, epsilon.Height, epsilon.Width);
    }

    /// <summary>Cuts the step vectors apart once, instead of slicing them in every block.</summary>
    private void SplitVectors(IEnumerable<WholeConvolution> convolutions)
    {
        int vectors = _network.Embedding.Vectors;
        if (vectors == 0) return;
        string all = _options.Timesteps == 0 ? _graph.Input<float>("vectors", Batch, vectors) : Embed();
        var lengths = new SortedDictionary<int, int>();
        foreach (WholeConvolution convolution in convolutions)
            foreach (int vector in convolution.Vectors) lengths[vector] = _maps[convolution.Last.Output].Channels;
        long next = 0;
        foreach (var (start, length) in lengths)
        {
            if (start != next) throw new InvalidDataException($"Elements {next} to {start} of the step vectors are read by no convolution, or by two.");
            next = start + length;
        }

        if (next != vectors) throw new InvalidDataException($"The convolutions read {next} of {vectors} elements of the step vectors.");
        string[] names = [.. lengths.Keys.Select(start => $"vectors.{start}")];
        _graph.Node("Split", "vectors.split", [all, _graph.Constant<long>("vectors.lengths", [.. lengths.Values], lengths.Count)], names, ("axis", 1));
        foreach (int start in lengths.Keys)
            _vectors[start] = _graph.Node("Unsqueeze", $"vectors.{start}.map", [$"vectors.{start}", _graph.Constant<long>("pixel_axes", [2, 3], 2)]);
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

    private void Normalize(GroupNormOperation norm)
    {
        string[] inputs = norm.Skip is null ? [norm.Input] : [norm.Input, norm.Skip];
        Map map = _maps[norm.Input];
        int channels = inputs.Sum(input => _maps[input].Channels), groups = norm.Groups;
        string Shape(string suffix, params ReadOnlySpan<long> shape) => _graph.Constant($"{norm.Name}.{suffix}", shape, shape.Length);
        string Affine(string suffix) =>
            _graph.Constant<float>($"{norm.Name}.{suffix}", WholeConvolution.Tensor(_tensor, $"{norm.Name}.{suffix}", channels), channels, 1, 1);

        string x = _graph.Node("Reshape", norm.Name + ".groups", [Value(inputs), Shape("grouped", 0, groups, -1)]);
        x = _graph.Node("InstanceNormalization", norm.Name + ".normalized",
            [x, _graph.Constant<float>($"ones.{groups}", Enumerable.Repeat(1f, groups).ToArray(), groups), _graph.Constant<float>($"zeros.{groups}", new float[groups], groups)],
            ("epsilon", (float)norm.Epsilon.Value));
        x = _graph.Node("Reshape", norm.Name + ".map", [x, Shape("mapped", 0, channels, map.Height, map.Width)]);
        x = _graph.Node("Mul", norm.Name + ".scaled", [x, Affine("weight")]);
        x = _graph.Node("Add", norm.Name + ".shifted", [x, Affine("bias")]);
        if (norm.Silu) x = _graph.Node("Mul", norm.Name + ".silu", [x, _graph.Node("Sigmoid", norm.Name + ".sigmoid", [x])]);

        if (norm.SkipOutput is null) _values[norm.Output] = x;
        else _concatenations[Key(norm.Output, norm.SkipOutput)] = x;
    }

    private void Convolve(WholeConvolution convolution)
    {
        ConvolutionOperation last = convolution.Last;
        string[] inputs = [.. convolution.Halves.Select(half => half.Input)];
        Map input = _maps[last.Input], output = _maps[last.Output];
        string x = Value(inputs);
        if (_options.Ranges is { } ranges)
            x = Quantized(x, inputs.Select(name => Range(ranges.Maps, name)).Aggregate((a, b) => a.Union(b)));
        if (last.Upsample > 1)
        {
            // Without the two empty inputs and with these modes runtimes take their nearest-neighbour copy.
            string factors = _graph.Constant<float>($"upsample.{last.Upsample}", [1, 1, last.Upsample, last.Upsample], 4);
            x = _graph.Node("Resize", convolution.Name + ".upsampled", [x, "", factors],
                ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"));
            if (_options.Ranges is { } r) x = Quantized(x, Range(r.Maps, last.Input));
        }

        int After(int inputSize, int outputSize, int before) =>
            Math.Max(0, (outputSize - 1) * last.Stride + last.KernelSize - before - inputSize * last.Upsample);
        int[] channels = [.. inputs.Select(name => _maps[name].Channels)];
        float[] weights = convolution.Weights(_tensor, channels, output.Channels), bias = convolution.Bias(_tensor, output.Channels);
        long[] shape = [output.Channels, channels.Sum(), last.KernelSize, last.KernelSize];
        var (w, b) = _options.Ranges is { } known
            ? QuantizedWeights(convolution.Name, weights, shape, bias, InputScale(inputs, known))
            : (_graph.Constant<float>(convolution.Name + ".weight", weights, shape), _graph.Constant<float>(convolution.Name + ".bias", bias, output.Channels));
        x = _graph.Node("Conv", convolution.Name, [x, w, b],
            ("kernel_shape", new[] { last.KernelSize, last.KernelSize }), ("strides", new[] { last.Stride, last.Stride }),
            ("pads", new[] { last.PaddingTop, last.PaddingLeft, After(input.Height, output.Height, last.PaddingTop), After(input.Width, output.Width, last.PaddingLeft) }));
        if (_options.Ranges is { } results) x = Quantized(x, Range(results.Results, convolution.Name));

        foreach (int vector in convolution.Vectors) x = _graph.Node("Add", $"{convolution.Name}.vector.{vector}", [x, _vectors[vector]]);
        if (convolution.Residual is { } residual) x = _graph.Node("Add", convolution.Name + ".residual", [x, _values[residual]]);
        if (last.OutputScale.Value != 1)
            x = _graph.Node("Mul", convolution.Name + ".scaled", [x, _graph.Constant<float>(convolution.Name + ".output_scale", [(float)last.OutputScale.Value])]);
        _values[last.Output] = x;
    }

    private void Attend(AttentionOperation attention)
    {
        Map map = _maps[attention.Output];
        int heads = attention.Heads, width = map.Channels / heads, tokens = map.Height * map.Width;
        string name = attention.Name;
        // q, k and v lie channel-major: [N, heads, width, tokens] each.
        string qkv = _graph.Node("Reshape", name + ".heads", [_values[attention.Input],
            _graph.Constant<long>($"{name}.qkv_shape", [0, 3 * heads, width, tokens], 4)]);
        string[] parts = _graph.Node("Split", name + ".split", [qkv, _graph.Constant<long>($"{name}.thirds", [heads, heads, heads], 3)],
            [name + ".q", name + ".k", name + ".v"], ("axis", 1));
        int[] swap = [0, 1, 3, 2];
        string scores = _graph.Node("MatMul", name + ".scores", [_graph.Node("Transpose", name + ".qt", [parts[0]], ("perm", swap)), parts[1]]);
        string scale = _graph.Constant<float>($"{name}.scale", [(float)(1 / Math.Sqrt(width))]);
        string weights = _graph.Node("Softmax", name + ".weights", [_graph.Node("Mul", name + ".scaled", [scores, scale])], ("axis", -1));
        string y = _graph.Node("MatMul", name + ".values", [parts[2], _graph.Node("Transpose", name + ".weightst", [weights], ("perm", swap))]);
        _values[attention.Output] = _graph.Node("Reshape", name,
            [y, _graph.Constant<long>($"{name}.map_shape", [0, map.Channels, map.Height, map.Width], 4)]);
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
        ranges.TryGetValue(name, out ValueRange range) ? range : throw new ArgumentException($"The calibration run saw no value of '{name}'.");

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

    private (string Weights, string Bias) QuantizedWeights(string name, float[] weights, long[] shape, float[] bias, float inputScale)
    {
        int outputs = bias.Length, row = weights.Length / outputs;
        float[] scales = new float[outputs], biasScales = new float[outputs];
        var q = new sbyte[weights.Length];
        var qBias = new int[outputs];
        for (int o = 0; o < outputs; o++)
        {
            Span<float> channel = weights.AsSpan(o * row, row);
            float largest = 0;
            foreach (float weight in channel) largest = Math.Max(largest, Math.Abs(weight));
            scales[o] = largest > 0 ? largest / 127 : 1;
            biasScales[o] = inputScale * scales[o];
            for (int i = 0; i < row; i++) q[o * row + i] = (sbyte)Math.Clamp(MathF.Round(channel[i] / scales[o]), -127, 127);
            qBias[o] = (int)Math.Clamp(Math.Round((double)bias[o] / biasScales[o]), int.MinValue, int.MaxValue);
        }

        string Dequantized(string quantized, float[] scale) =>
            _graph.Node("DequantizeLinear", quantized + ".dequantized", [quantized, _graph.Constant<float>(quantized + ".scale", scale, outputs)], ("axis", 0));
        return (Dequantized(_graph.Constant<sbyte>(name + ".weight.quantized", q, shape), scales),
            Dequantized(_graph.Constant<int>(name + ".bias.quantized", qBias, outputs), biasScales));
    }
}
