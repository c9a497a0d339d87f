using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Collects maps, operations and their tensors in this project's layout while an importer walks a source network.</summary>
internal sealed class NetworkBuilder(SourceTensors source, int embeddingWidth)
{
    private readonly List<Map> _maps = [];
    private readonly List<Operation> _operations = [];
    private readonly DeferredTensors _tensors = new();
    private readonly List<TimeProjection> _projections = [];
    private Map? _embedding;
    private int _vectors;

    public DeferredTensors Tensors => _tensors;

    /// <summary>Projections of the time embedding, in the order of their rows among the step vectors.</summary>
    public IReadOnlyList<TimeProjection> Projections => _projections;

    public Map AddMap(string name, int height, int width, int channels)
    {
        var map = new Map(name, height, width, channels, MapType.Float32);
        _maps.Add(map);
        return map;
    }

    /// <summary>From here on, projections of the embedding read a map instead of becoming step vectors.</summary>
    /// <param name="map">The embedding behind its non-linearity.</param>
    public void EmbedBy(Map map) => _embedding = map;

    /// <summary>Takes elements of the step vectors for something else than a projection; returns the first.</summary>
    public int Reserve(int vectors) => (_vectors += vectors) - vectors;

    /// <summary>A convolution whose tensors come from a module of another name, or are changed on the way.</summary>
    public Map Convolution(string name, string module, Map input, int outputs, ConvolutionOptions options, Func<float[], float[]> weight, Func<float[], float[]> bias)
    {
        int size = options.KernelSize;
        Func<float[]> weights = source.Take($"{module}.weight", outputs, input.Channels, size, size), biases = source.Take($"{module}.bias", outputs);
        return Convolution(name, input, outputs, () => weight(ChannelsLast(weights(), outputs, input.Channels, size * size, 0, input.Channels)), () => bias(biases()), options);
    }

    /// <summary>Group norm over one map, or over both halves of a skip concatenation, and a non-linearity, if any.</summary>
    public MapPair GroupNorm(string name, MapPair input, int groups, float epsilon, string? function)
    {
        bool silu = function == "silu";
        int channels = input.Channels;
        _tensors.Add($"{name}.weight", source.Take($"{name}.weight", channels));
        _tensors.Add($"{name}.bias", source.Take($"{name}.bias", channels));
        MapPair output = input.Skip is { } skip
            ? new(Like(input.First, $"{name}.0"), Like(skip, $"{name}.1"))
            : new(Like(input.First, name));
        _operations.Add(new GroupNormOperation(
            name, input.First.Name, output.First.Name, input.Skip?.Name, output.Skip?.Name, groups, Number.From(epsilon), silu));
        if (silu || function is null) return output;
        return output.Skip is { } second
            ? new(Activation($"{name}.0.activation", output.First, function), Activation($"{name}.1.activation", second, function))
            : new(Activation($"{name}.activation", output.First, function));
    }

    /// <summary>A convolution of the source model. Over a skip concatenation it becomes two, the second of which adds to the first.</summary>
    public Map Convolution(string name, MapPair input, int outputs, ConvolutionOptions options)
    {
        int size = options.KernelSize;
        Func<float[]> weight = source.Take($"{name}.weight", outputs, input.Channels, size, size);
        Func<float[]> bias = options.Bias ? source.Take($"{name}.bias", outputs) : () => new float[outputs];
        bool stored = AreHalf(name);
        if (input.Skip is not { } skip) return Convolution(name, input.First, outputs, Part(0, input.Channels), bias, options, stored);

        Map half = Convolution($"{name}.0", input.First, outputs, Part(0, input.First.Channels), bias, options with { OutputScale = 1 }, stored);
        return Convolution($"{name}.1", skip, outputs, Part(input.First.Channels, skip.Channels), () => new float[outputs],
            options with { Residual = half, Vector = -1 }, stored);

        Func<float[]> Part(int first, int count) => () => ChannelsLast(weight(), outputs, input.Channels, size * size, first, count);
    }

    /// <summary>A convolution over several maps side by side: one over each, which adds to those before it.</summary>
    public Map Convolution(string name, Map[] inputs, int outputs, int size)
    {
        int all = inputs.Sum(i => i.Channels), first = 0;
        Func<float[]> weight = source.Take($"{name}.weight", outputs, all, size, size), bias = source.Take($"{name}.bias", outputs);
        Map? sum = null;
        foreach (Map input in inputs)
        {
            int at = first, count = input.Channels;
            sum = Convolution(string.Create(CultureInfo.InvariantCulture, $"{name}.{Array.IndexOf(inputs, input)}"), input, outputs, () => ChannelsLast(weight(), outputs, all, size * size, at, count),
                at == 0 ? bias : () => new float[outputs], new() { KernelSize = size, Residual = sum }, AreHalf(name));
            first += count;
        }

        return sum!;
    }

    /// <summary>Adds a convolution whose tensors are already in this project's layout.</summary>
    /// <param name="name">Name of the operation.</param>
    /// <param name="input">Map read.</param>
    /// <param name="outputs">Channels of the result.</param>
    /// <param name="weight">[output, tap, input].</param>
    /// <param name="bias">For each output.</param>
    /// <param name="options">What else it does.</param>
    /// <param name="isHalf">Whether the weights are numbers that the file stores in FP16.</param>
    public Map Convolution(string name, Map input, int outputs, Func<float[]> weight, Func<float[]> bias, ConvolutionOptions options, bool isHalf = false)
    {
        // Padding 1 keeps the size, and half of an odd one is rounded up; padding 0 with stride 2 has one row and column of zeros behind, and importers refuse odd sizes.
        int up = options.Upsample, stride = options.Stride, more = options.Padding == 0 ? 0 : stride - 1;
        var (height, width) = options.UpsampledLike is { } like ? (like.Height, like.Width) : ((up * input.Height + more) / stride, (up * input.Width + more) / stride);
        Map output = AddMap(options.Output ?? name, height, width, outputs);
        _tensors.Add($"{name}.weight", weight, isHalf);
        _tensors.Add($"{name}.bias", bias);
        _operations.Add(new ConvolutionOperation(
            name, input.Name, output.Name, options.Residual?.Name, options.KernelSize, options.Stride, options.Padding, options.Padding,
            options.Upsample, 32, options.Vector, Number.From((float)options.OutputScale)));
        return output;
    }

    /// <summary>Self-attention with its projections: q, k and v from one 1×1 convolution, heads contiguous in each.</summary>
    public Map Attention(string name, Map input, int heads, int? groups, float epsilon, double scaleFactor)
    {
        int channels = input.Channels;
        Map normal = groups is { } g ? GroupNorm($"{name}.group_norm", new(input), g, epsilon, null).First : input;
        Map qkv = Linear($"{name}.to_qkv", [$"{name}.to_q", $"{name}.to_k", $"{name}.to_v"], normal, channels, bias: true);
        Map merged = SelfAttention($"{name}.attention", qkv, heads);
        return Linear($"{name}.to_out.0", [$"{name}.to_out.0"], merged, channels, bias: true, new() { Residual = input, OutputScale = 1 / scaleFactor });
    }

    /// <summary>Adds a projection of the embedding of time and conditions.</summary>
    /// <returns>A map of one pixel where the embedding is a map, else the offset of its elements among the step vectors.</returns>
    public (Map? Map, int Vector) Projection(string name, int channels)
    {
        if (_embedding is not null) return (Linear(name, _embedding, channels), -1);
        _projections.Add(new(source.Take($"{name}.weight", channels, embeddingWidth), source.Take($"{name}.bias", channels)));
        return (null, Reserve(channels));
    }

    /// <summary>A linear layer over pixels, or several of the same input side by side, with or without bias.</summary>
    /// <param name="name">Name of the operation.</param>
    /// <param name="parts">Modules whose weights are stacked.</param>
    /// <param name="input">Map read.</param>
    /// <param name="outputs">Channels of each part.</param>
    /// <param name="bias">Whether the parts have one.</param>
    /// <param name="options">What else it does; its kernel is 1×1.</param>
    public Map Linear(string name, string[] parts, Map input, int outputs, bool bias, ConvolutionOptions? options = null)
    {
        Func<float[]>[] weights = Array.ConvertAll(parts, p => source.Take($"{p}.weight", outputs, input.Channels));
        Func<float[]>[] biases = bias ? Array.ConvertAll(parts, p => source.Take($"{p}.bias", outputs)) : [() => new float[parts.Length * outputs]];
        return Convolution(name, input, parts.Length * outputs, () => Stacked(weights), () => Stacked(biases), (options ?? new()) with { KernelSize = 1 }, AreHalf(parts));
    }

    /// <summary>A linear layer over two maps side by side, several of one input: two layers, the second of which adds to the first.</summary>
    public Map Linear(string name, string[] parts, MapPair input, int outputs)
    {
        if (input.Skip is not { } skip) return Linear(name, parts, input.First, outputs, bias: false);
        int all = parts.Length * outputs;
        Func<float[]>[] weights = Array.ConvertAll(parts, p => source.Take($"{p}.weight", outputs, input.Channels));
        Map half = Convolution($"{name}.0", input.First, all, Part(0, input.First.Channels), () => new float[all], new() { KernelSize = 1 }, AreHalf(parts));
        return Convolution($"{name}.1", skip, all, Part(input.First.Channels, skip.Channels), () => new float[all], new() { KernelSize = 1, Residual = half }, AreHalf(parts));

        Func<float[]> Part(int first, int count) => () => ChannelsLast(Stacked(weights), all, input.Channels, 1, first, count);
    }

    /// <summary>A linear layer whose last inputs are known: what they come to goes into the bias.</summary>
    /// <param name="name">Name of the operation and its module.</param>
    /// <param name="input">The first inputs.</param>
    /// <param name="known">The others.</param>
    /// <param name="outputs">Channels of the result.</param>
    public Map Linear(string name, Map input, float[] known, int outputs)
    {
        int inputs = input.Channels + known.Length;
        Func<float[]> weight = source.Take($"{name}.weight", outputs, inputs), bias = source.Take($"{name}.bias", outputs);
        return Convolution(name, input, outputs, () => ChannelsLast(weight(), outputs, inputs, 1, 0, input.Channels), Bias, new() { KernelSize = 1 }, AreHalf(name));

        // FP64, rounded once.
        float[] Bias()
        {
            float[] w = weight();
            return [.. bias().Select((b, row) => (float)(b + known.Select((k, i) => (double)k * w[row * inputs + input.Channels + i]).Sum()))];
        }
    }

    /// <summary>A linear layer of one module of that name.</summary>
    public Map Linear(string name, Map input, int outputs, bool bias = true, Map? residual = null) =>
        Linear(name, [name], input, outputs, bias, new() { Residual = residual });

    /// <summary>Layer norm over the channels of each pixel.</summary>
    public Map LayerNorm(string name, Map input, float epsilon)
    {
        _tensors.Add($"{name}.weight", source.Take($"{name}.weight", input.Channels));
        _tensors.Add($"{name}.bias", source.Take($"{name}.bias", input.Channels));
        Map output = Like(input, name);
        _operations.Add(new LayerNormOperation(name, input.Name, output.Name, Number.From(epsilon)));
        return output;
    }

    /// <summary>scale·x + offset.</summary>
    public Map LinearMap(string name, Map input, double scale, double offset)
    {
        Map output = Like(input, name);
        _operations.Add(new LinearMapOperation(name, input.Name, output.Name, Number.From((float)scale), Number.From((float)offset)));
        return output;
    }

    /// <summary>Half the size by averaging, or twice by repeating.</summary>
    public Map Resample(string name, Map input, bool halve)
    {
        Map output = halve ? AddMap(name, input.Height / 2, input.Width / 2, input.Channels) : AddMap(name, 2 * input.Height, 2 * input.Width, input.Channels);
        _operations.Add(new ResampleOperation(name, input.Name, output.Name, halve));
        return output;
    }

    /// <summary>x·(1 + s) + b with s and b from the step vectors.</summary>
    public Map ScaleShift(string name, Map input, int vector)
    {
        Map output = Like(input, name);
        _operations.Add(new ScaleShiftOperation(name, input.Name, output.Name, vector));
        return output;
    }

    /// <summary>x + b, or x·(1 + s) + b where the condition has twice the channels.</summary>
    public Map Modulate(string name, Map input, Map condition)
    {
        Map output = Like(input, name);
        _operations.Add(new ModulationOperation(name, input.Name, condition.Name, output.Name));
        return output;
    }

    /// <summary>A non-linearity.</summary>
    public Map Activation(string name, Map input, string function)
    {
        Map output = Like(input, name);
        _operations.Add(new ActivationOperation(name, input.Name, output.Name, function));
        return output;
    }

    /// <summary>a·gelu(b) of a map that holds both.</summary>
    public Map Geglu(string name, Map input)
    {
        Map output = AddMap(name, input.Height, input.Width, input.Channels / 2);
        _operations.Add(new GegluOperation(name, input.Name, output.Name));
        return output;
    }

    /// <summary>Attention over q, k and v side by side.</summary>
    public Map SelfAttention(string name, Map qkv, int heads)
    {
        Map output = AddMap(name, qkv.Height, qkv.Width, qkv.Channels / 3);
        _operations.Add(new AttentionOperation(name, qkv.Name, output.Name, heads));
        return output;
    }

    /// <summary>Attention over keys and values of another map.</summary>
    public Map CrossAttention(string name, Map query, Map context, int heads, bool causal = false)
    {
        Map output = Like(query, name);
        _operations.Add(new CrossAttentionOperation(name, query.Name, context.Name, output.Name, heads, causal));
        return output;
    }

    /// <summary>The pixel whose number is the first to be <paramref name="id"/>.</summary>
    public Map Select(string name, Map input, Map ids, int id)
    {
        Map output = AddMap(name, 1, 1, input.Channels);
        _operations.Add(new SelectOperation(name, input.Name, ids.Name, output.Name, id));
        return output;
    }

    /// <summary>The nearest row of a codebook.</summary>
    public Map Codebook(string name, Map input, string tensor, int rows)
    {
        _tensors.Add($"{name}.weight", source.Take(tensor, rows, input.Channels));
        Map output = Like(input, name);
        _operations.Add(new CodebookOperation(name, input.Name, output.Name, rows));
        return output;
    }

    /// <summary>Rows of a table by number, plus a row for each position, if any.</summary>
    public Map Lookup(string name, Map ids, string table, int rows, int channels, string? positions = null, int maximumPositions = 0)
    {
        int elements = ids.Height * ids.Width * channels;
        _tensors.Add($"{name}.table", source.Take(table, rows, channels), source.AreHalf(table));
        Func<float[]>? all = positions is null ? null : source.Take(positions, maximumPositions, channels);
        _tensors.Add($"{name}.position", () => all is null ? new float[elements] : all()[..elements]);
        Map output = AddMap(name, ids.Height, ids.Width, channels);
        _operations.Add(new LookupOperation(name, ids.Name, output.Name, rows));
        return output;
    }

    /// <summary>A network without embedding, such as a decoder.</summary>
    public Network Build(Map input, Map output) => new(input.Name, output.Name, _maps.ToEquatableArray(), new(0, 0, 0), _operations.ToEquatableArray());

    public Network Build(Map latent, Map epsilon, int classes) => new(
        latent.Name, epsilon.Name, _maps.ToEquatableArray(), new(classes > 0 ? embeddingWidth : 0, classes, _vectors), _operations.ToEquatableArray());

    private bool AreHalf(params IEnumerable<string> modules) => source.AreHalf(modules.Select(m => $"{m}.weight"));

    private Map Like(Map map, string name) => AddMap(name, map.Height, map.Width, map.Channels);

    private static float[] Stacked(Func<float[]>[] parts) => parts is [var single] ? single() : [.. parts.SelectMany(p => p())];

    // [output, input, tap] to [output, tap, input], keeping the inputs [first, first + count).
    private static float[] ChannelsLast(float[] weight, int outputs, int inputs, int taps, int first, int count)
    {
        if (taps == 1 && count == inputs) return weight;
        var result = new float[outputs * taps * count];
        int next = 0;
        for (int output = 0; output < outputs; output++)
        {
            for (int tap = 0; tap < taps; tap++)
            {
                for (int input = first; input < first + count; input++) result[next++] = weight[(output * inputs + input) * taps + tap];
            }
        }

        return result;
    }
}
