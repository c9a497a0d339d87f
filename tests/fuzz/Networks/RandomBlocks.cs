using System.Text.Json.Nodes;
using Specializer.Generator.Tests;

namespace Specializer.Fuzz;

/// <summary>Adds blocks of operations to a network, each from the map that the last has written.</summary>
internal sealed class RandomBlocks(ManifestBuilder builder, int size, string input, int channels, int productBits)
{
    // FP32 maps of the picture's size that later blocks may read again.
    private readonly List<(string Name, int Channels)> _earlier = [];
    private readonly string _state = input;
    private string _h = input;
    private int _channels = channels, _count;

    /// <summary>Adds one block. Its maps have the picture's size again at its end.</summary>
    public void Add(Random random)
    {
        string block = $"b{_count++}";
        _earlier.Add((_h, _channels));
        switch (random.Next(15))
        {
            case 0: Convolve(random, block, _h, random.Next(1, 20), RandomNetwork.Pick(random, 1, 3, 5), RandomNetwork.Pick(random, 16, 32)); break;
            case 1: Quantized(random, block, RandomNetwork.Pick(random, 4, 8)); break;
            case 2: Normalized(random, block); break;
            case 3: Attend(random, block); break;
            case 4: CrossAttend(random, block); break;
            case 5:
                Then("layerNorm", block, _channels, ("epsilon", RandomNetwork.Number(1e-5)));
                break;
            case 6:
                Then("activation", block, _channels, ("function", RandomNetwork.Pick(random, "silu", "gelu", "quick_gelu", "relu", "mish", "tanh")));
                break;
            case 7:
                Then("linearMap", block, _channels, ("scale", RandomNetwork.Number(random.NextDouble() - 0.5)), ("offset", RandomNetwork.Number(random.NextDouble())));
                break;
            case 8:
                Then("scaleShift", block, _channels, ("vector", builder.Vector(2 * _channels)));
                break;
            case 9:
                Convolve(random, block + ".in", _h, 2 * random.Next(1, 8), 1);
                Then("geglu", block, _channels / 2);
                break;
            case 10 when size % 2 == 0:
                string half = builder.Operation("resample", block + ".down", _h, builder.Map(block + ".half", size / 2, _channels), ("halve", true));
                Set(builder.Operation("resample", block + ".up", half, builder.Map(block + ".h", size, _channels), ("halve", false)), _channels);
                break;
            case 10 or 11 when size > 1:
                Stride(random, block);
                break;
            case 12:
                Then("codebook", block, _channels, ("rows", random.Next(1, 9)));
                break;
            case 13: LookUp(random, block); break;
            default: Modulate(random, block); break;
        }
    }

    /// <summary>Writes the prediction. Labels need a vector to act through.</summary>
    public void End() => builder.Convolution("conv_out", _h, builder.Map("epsilon", size, builder.Channels), vector: builder.Classes > 0 ? builder.Vector(builder.Channels) : -1, weightBits: 32);

    private void Set(string map, int channels) => (_h, _channels) = (map, channels);

    private void Then(string op, string block, int channels, params (string, JsonNode)[] more) => Set(builder.Operation(op, block, _h, builder.Map(block + ".h", size, channels), more), channels);

    private void Convolve(Random random, string name, string from, int outputs, int kernel, int bits = 32)
    {
        string? residual = random.Next(2) == 0 && _earlier.FindLast(e => e.Channels == outputs) is { Name: { } earlier } ? earlier : null;
        // The state is the solver's; nothing is added in its place.
        if (residual == _state) residual = null;
        int vector = random.Next(3) == 0 ? builder.Vector(outputs) : -1;
        Set(builder.Convolution(name, from, builder.Map(name + ".h", size, outputs), residual, kernel, 1, kernel / 2, 1, bits, vector, RandomNetwork.Pick(random, "1", "0.70710678")), outputs);
    }

    private void Quantized(Random random, string block, int bits)
    {
        string q = builder.Quantize(block + ".quantize", _h, builder.Map(block + ".q", size, _channels, bits == 4 ? "quantized8" : "quantized16"));
        Convolve(random, block, q, random.Next(1, 20), RandomNetwork.Pick(random, 1, 3), bits);
    }

    private void Normalized(Random random, string block)
    {
        (string Name, int Channels)? skip = random.Next(2) == 0 && _earlier.Count > 1 ? _earlier[random.Next(_earlier.Count - 1)] : null;
        int all = _channels + (skip?.Channels ?? 0), bits = RandomNetwork.Pick(random, 4, 8, 32);
        string type = bits switch { 4 => "quantized8", 8 => "quantized16", _ => "float32" };
        int[] groups = [.. Enumerable.Range(1, all).Where(g => all % g == 0)];
        string second = block + ".skip";
        if (skip is { } other) builder.Map(second, size, other.Channels, type);
        string q = builder.GroupNorm(block + ".norm", _h, builder.Map(block + ".q", size, _channels, type), skip?.Name, skip is null ? null : second, groups[random.Next(groups.Length)], random.Next(2) == 0);
        int outputs = random.Next(1, 20), kernel = RandomNetwork.Pick(random, 1, 3);
        Convolve(random, block + ".0", q, outputs, kernel, bits);
        if (skip is null) return;
        // The sum of both halves' convolutions is the convolution of what was joined.
        Set(builder.Convolution(block + ".1", second, builder.Map(second + ".h", size, outputs), _h, kernel, 1, kernel / 2, 1, bits), outputs);
    }

    private void Attend(Random random, string block)
    {
        int heads = random.Next(1, 4), outputs = heads * random.Next(1, 6);
        string qkv = builder.Convolution(block + ".qkv", _h, builder.Map(block + ".qkv", size, 3 * outputs), kernelSize: 1, padding: 0, weightBits: 32);
        Set(builder.Attention(block, qkv, builder.Map(block + ".h", size, outputs), heads), outputs);
    }

    private void CrossAttend(Random random, string block)
    {
        int heads = random.Next(1, 4), outputs = heads * random.Next(1, 6);
        string query = builder.Convolution(block + ".q", _h, builder.Map(block + ".q", size, outputs), kernelSize: 1, padding: 0, weightBits: 32);
        string context = builder.Convolution(block + ".kv", _h, builder.Map(block + ".kv", size, 2 * outputs), kernelSize: 1, padding: 0, weightBits: 32);
        Set(builder.Operation("crossAttention", block, query, builder.Map(block + ".h", size, outputs),
            [("context", context), ("heads", heads), ("causal", random.Next(2) == 0), .. productBits == 8 ? new (string, JsonNode)[] { ("productBits", 8) } : []]), outputs);
    }

    // An odd size loses the last row and column on the way back.
    private void Stride(Random random, string block)
    {
        int outputs = random.Next(1, 24), half = (size + 1) / 2, bits = RandomNetwork.Pick(random, 4, 8, 32);
        string down = builder.Convolution(block + ".down", _h, builder.Map(block + ".small", half, outputs), stride: 2, weightBits: 32);
        if (bits != 32) down = builder.Quantize(block + ".quantize", down, builder.Map(block + ".q", half, outputs, bits == 4 ? "quantized8" : "quantized16"));
        Set(builder.Convolution(block + ".up", down, builder.Map(block + ".h", size, outputs), upsample: 2, weightBits: bits), outputs);
    }

    private void LookUp(Random random, string block)
    {
        int rows = random.Next(1, 9), outputs = random.Next(1, 12);
        string ids = builder.Convolution(block + ".number", _h, builder.Map(block + ".number", size, 1), kernelSize: 1, padding: 0, weightBits: 32);
        ids = builder.Operation("activation", block + ".bounded", ids, builder.Map(block + ".bounded", size, 1), ("function", "tanh"));
        // Above 0 and below the number of rows.
        ids = builder.Operation("linearMap", block + ".ids", ids, builder.Map(block + ".ids", size, 1), ("scale", RandomNetwork.Number(0.49 * rows)), ("offset", RandomNetwork.Number(0.5 * rows)));
        Set(builder.Operation("lookup", block, ids, builder.Map(block + ".h", size, outputs), ("rows", rows), ("tableBits", RandomNetwork.Pick(random, 16, 32))), outputs);
    }

    private void Modulate(Random random, string block)
    {
        int wide = RandomNetwork.Pick(random, 1, 2) * _channels;
        string pixel = random.Next(2) == 0 ? Selected(block, wide) : Reduced(block, wide);
        Then("modulation", block, _channels, ("condition", pixel));
    }

    private string Reduced(string block, int channels)
    {
        int kernel = size % 2 == 0 ? size + 1 : size;
        return builder.Convolution(block + ".pixel", _h, builder.Map(block + ".pixel", 1, channels), kernelSize: kernel, padding: size % 2 == 0 ? 1 : 0, weightBits: 32);
    }

    // What lies below 0 becomes the number that is looked for.
    private string Selected(string block, int channels)
    {
        string ids = builder.Convolution(block + ".number", _h, builder.Map(block + ".number", size, 1), kernelSize: 1, padding: 0, weightBits: 32);
        ids = builder.Operation("activation", block + ".ids", ids, builder.Map(block + ".ids", size, 1), ("function", "relu"));
        string selected = builder.Operation("select", block + ".select", _h, builder.Map(block + ".selected", 1, _channels), ("ids", ids), ("id", 0));
        return builder.Convolution(block + ".pixel", selected, builder.Map(block + ".pixel", 1, channels), kernelSize: 1, padding: 0, weightBits: 32);
    }
}
