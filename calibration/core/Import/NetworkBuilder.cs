using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Collects maps, operations and their tensors in this project's layout while an importer walks a source network.</summary>
internal sealed class NetworkBuilder(SourceTensors source, int embeddingWidth)
{
    private readonly List<Map> _maps = [];
    private readonly List<Operation> _operations = [];
    private readonly Dictionary<string, float[]> _tensors = new(StringComparer.Ordinal);
    private readonly List<float[]> _projections = [];
    private readonly List<float[]> _projectionBiases = [];
    private int _vectors;

    public IReadOnlyDictionary<string, float[]> Tensors => _tensors;

    public Map AddMap(string name, int height, int width, int channels)
    {
        var map = new Map(name, height, width, channels, MapType.Float32);
        _maps.Add(map);
        return map;
    }

    /// <summary>Group norm over one map, or over both halves of a skip concatenation.</summary>
    public MapPair GroupNorm(string name, MapPair input, int groups, float epsilon, bool silu)
    {
        int channels = input.Channels;
        _tensors.Add($"{name}.weight", source.Take($"{name}.weight", channels));
        _tensors.Add($"{name}.bias", source.Take($"{name}.bias", channels));
        MapPair output = input.Skip is { } skip
            ? new(Like(input.First, $"{name}.0"), Like(skip, $"{name}.1"))
            : new(Like(input.First, name));
        _operations.Add(new GroupNormOperation(
            name, input.First.Name, output.First.Name, input.Skip?.Name, output.Skip?.Name, groups, Number.From(epsilon), silu));
        return output;
    }

    /// <summary>A convolution of the source model. Over a skip concatenation it becomes two, the second of which adds to the first.</summary>
    public Map Convolution(string name, MapPair input, int outputs, ConvolutionOptions options)
    {
        int size = options.KernelSize;
        float[] weight = source.Take($"{name}.weight", [outputs, input.Channels, .. size == 1 ? (ReadOnlySpan<int>)[] : [size, size]]);
        float[] bias = source.Take($"{name}.bias", outputs);
        if (input.Skip is not { } skip) return Convolution(name, input.First, outputs, Part(0, input.Channels), bias, options);

        Map half = Convolution($"{name}.0", input.First, outputs, Part(0, input.First.Channels), bias, options with { OutputScale = 1 });
        return Convolution($"{name}.1", skip, outputs, Part(input.First.Channels, skip.Channels), new float[outputs],
            options with { Residual = half, Vector = -1 });

        float[] Part(int first, int count) => ChannelsLast(weight, outputs, input.Channels, size * size, first, count);
    }

    /// <summary>Adds a convolution whose tensors are already in this project's layout.</summary>
    public Map Convolution(string name, Map input, int outputs, float[] weight, float[] bias, ConvolutionOptions options)
    {
        // Padding 1 keeps the size, and rounds up where it is halved; padding 0 with stride 2 has one row and column of zeros behind.
        int height = input.Height * options.Upsample / options.Stride, width = input.Width * options.Upsample / options.Stride;
        Map output = AddMap(options.Output ?? name, height, width, outputs);
        _tensors.Add($"{name}.weight", weight);
        _tensors.Add($"{name}.bias", bias);
        _operations.Add(new ConvolutionOperation(
            name, input.Name, output.Name, options.Residual?.Name, options.KernelSize, options.Stride, options.Padding, options.Padding,
            options.Upsample, 32, options.Vector, Number.From((float)options.OutputScale)));
        return output;
    }

    /// <summary>Self-attention with its projections: q, k and v from one 1×1 convolution, heads contiguous in each.</summary>
    public Map Attention(string name, Map input, int heads, int groups, float epsilon, double scaleFactor)
    {
        int channels = input.Channels;
        Map normal = GroupNorm($"{name}.group_norm", new(input), groups, epsilon, silu: false).First;
        Map qkv = Linear($"{name}.to_qkv", [$"{name}.to_q", $"{name}.to_k", $"{name}.to_v"], normal, channels, bias: true);
        Map merged = SelfAttention($"{name}.attention", qkv, heads);
        return Convolution($"{name}.to_out.0", new MapPair(merged), channels, new() { KernelSize = 1, Residual = input, OutputScale = 1 / scaleFactor });
    }

    /// <summary>Adds a projection of the time embedding; returns the offset of its rows among the step vectors.</summary>
    public int Projection(string name, int channels)
    {
        _projections.Add(source.Take($"{name}.weight", channels, embeddingWidth));
        _projectionBiases.Add(source.Take($"{name}.bias", channels));
        int offset = _vectors;
        _vectors += channels;
        return offset;
    }

    /// <summary>All projections stacked: weights [vectors, width] and biases [vectors].</summary>
    public (float[] Weight, float[] Bias) Projections() => ([.. _projections.SelectMany(p => p)], [.. _projectionBiases.SelectMany(b => b)]);

    /// <summary>A linear layer over pixels, or several of the same input side by side, with or without bias.</summary>
    /// <param name="name">Name of the operation.</param>
    /// <param name="parts">Modules whose weights are stacked.</param>
    /// <param name="input">Map read.</param>
    /// <param name="outputs">Channels of each part.</param>
    /// <param name="bias">Whether the parts have one.</param>
    /// <param name="options">What else it does; its kernel is 1×1.</param>
    public Map Linear(string name, string[] parts, Map input, int outputs, bool bias, ConvolutionOptions? options = null)
    {
        float[] weight = [.. parts.SelectMany(p => source.Take($"{p}.weight", outputs, input.Channels))];
        float[] biases = bias ? [.. parts.SelectMany(p => source.Take($"{p}.bias", outputs))] : new float[parts.Length * outputs];
        return Convolution(name, input, parts.Length * outputs, weight, biases, (options ?? new()) with { KernelSize = 1 });
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

    /// <summary>The nearest row of a codebook.</summary>
    public Map Codebook(string name, Map input, string tensor, int rows)
    {
        _tensors.Add($"{name}.weight", source.Take(tensor, rows, input.Channels));
        Map output = Like(input, name);
        _operations.Add(new CodebookOperation(name, input.Name, output.Name, rows));
        return output;
    }

    /// <summary>Rows of a table by number, plus a row for each position.</summary>
    public Map Lookup(string name, Map ids, string table, int rows, string positions, int maximumPositions, int channels)
    {
        _tensors.Add($"{name}.table", source.Take(table, rows, channels));
        _tensors.Add($"{name}.position", source.Take(positions, maximumPositions, channels)[..(ids.Height * ids.Width * channels)]);
        Map output = AddMap(name, ids.Height, ids.Width, channels);
        _operations.Add(new LookupOperation(name, ids.Name, output.Name, rows));
        return output;
    }

    /// <summary>A network without embedding, such as a decoder.</summary>
    public Network Build(Map input, Map output) => new(input.Name, output.Name, _maps.ToEquatableArray(), new(0, 0, 0), _operations.ToEquatableArray());

    public Network Build(Map latent, Map epsilon, int classes) => new(
        latent.Name, epsilon.Name, _maps.ToEquatableArray(), new(classes > 0 ? embeddingWidth : 0, classes, _vectors), _operations.ToEquatableArray());

    private Map Like(Map map, string name) => AddMap(name, map.Height, map.Width, map.Channels);

    // [output, input, tap] to [output, tap, input], keeping the inputs [first, first + count).
    private static float[] ChannelsLast(float[] weight, int outputs, int inputs, int taps, int first, int count)
    {
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

/// <summary>A map, or the two maps of a channel concatenation that is never made.</summary>
internal readonly record struct MapPair(Map First, Map? Skip = null)
{
    public int Channels => First.Channels + (Skip?.Channels ?? 0);
}

/// <summary>What a convolution does besides multiplying: see <see cref="ConvolutionOperation"/>.</summary>
internal sealed record ConvolutionOptions
{
    public int KernelSize { get; init; } = 3;
    public int Stride { get; init; } = 1;
    /// <summary>Zero rows above and columns to the left.</summary>
    public int Padding { get => field < 0 ? KernelSize / 2 : field; init; } = -1;
    public int Upsample { get; init; } = 1;
    public Map? Residual { get; init; }
    public int Vector { get; init; } = -1;
    public double OutputScale { get; init; } = 1;
    /// <summary>Name of the map written; null for the operation's.</summary>
    public string? Output { get; init; }
}
