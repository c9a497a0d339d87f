using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Specializer.Generator.Tests;

/// <summary>Writes synthetic manifests: valid as they come, and easy to damage at one place.</summary>
internal sealed class ManifestBuilder
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private readonly List<(string Name, int Height, int Width, int Channels, string Type)> _maps = [];
    private readonly JsonArray _operations = [], _encoders = [];
    private readonly HashSet<string> _once = [];
    private int _vectors;
    private JsonObject? _decoder, _imageEncoder, _prompt;

    public string Name { get; init; } = "tiny";
    public string Scheduler { get; init; } = "ddpm";
    public int Size { get; init; } = 8;
    public int Channels { get; init; } = 1;
    public int Classes { get; init; }
    public int EmbeddingWidth { get; init; }
    public int Steps { get; init; } = 2;
    public int FirstStepsAtFourBits { get; init; }
    public bool Guided { get; init; }
    public string MeanCorrection { get; init; } = "divide";
    public bool Clip { get; init; } = true;
    public int ProductBits { get; init; } = 32;
    /// <summary>Whether the network of several also says something of the variance.</summary>
    public bool Variance { get; init; }
    /// <summary>Whether runs can begin with pictures; the first step of one that begins at a step is then its own.</summary>
    public bool Pictures { get; init; }
    /// <summary>Whether the network of several reads a mask and the state of a masked picture, too.</summary>
    public bool Masks { get; init; }
    /// <summary>Whether the text encoder of several networks reads two lists of tokens, and knows no text at all.</summary>
    public bool TextPair { get; init; }
    /// <summary>Whether the network says which further inputs it has.</summary>
    public bool WithInputs { get; set; }

    /// <summary>Reserves elements of the step vectors and gives the first.</summary>
    public int Vector(int channels) => (_vectors += channels) - channels;

    public string Map(string name, int size, int channels, string type = "float32") => Map(name, size, size, channels, type);

    public string Map(string name, int height, int width, int channels, string type = "float32")
    {
        _maps.Add((name, height, width, channels, type));
        return name;
    }

    public string Quantize(string name, string input, string output)
    {
        _operations.Add(new JsonObject { ["op"] = "quantize", ["name"] = name, ["input"] = input, ["output"] = output });
        return output;
    }

    public string GroupNorm(string name, string input, string output, string? skip = null, string? skipOutput = null, int groups = 2, bool silu = true)
    {
        _operations.Add(new JsonObject
        {
            ["op"] = "groupNorm", ["name"] = name, ["input"] = input, ["output"] = output, ["skip"] = skip, ["skipOutput"] = skipOutput,
            ["groups"] = groups, ["epsilon"] = JsonNode.Parse("1e-5"), ["silu"] = silu,
        });
        return output;
    }

    public string Convolution(string name, string input, string output, string? residual = null, int kernelSize = 3, int stride = 1, int padding = 1,
        int upsample = 1, int weightBits = 4, int vector = -1, string outputScale = "1")
    {
        _operations.Add(new JsonObject
        {
            ["op"] = "convolution", ["name"] = name, ["input"] = input, ["output"] = output, ["residual"] = residual, ["kernelSize"] = kernelSize,
            ["stride"] = stride, ["paddingTop"] = padding, ["paddingLeft"] = padding, ["upsample"] = upsample, ["weightBits"] = weightBits,
            ["vector"] = vector, ["outputScale"] = JsonNode.Parse(outputScale),
        });
        return output;
    }

    public string Attention(string name, string input, string output, int heads)
    {
        var operation = new JsonObject { ["op"] = "attention", ["name"] = name, ["input"] = input, ["output"] = output, ["heads"] = heads };
        if (ProductBits != 32) operation["productBits"] = ProductBits;
        _operations.Add(operation);
        return output;
    }

    public string Operation(string op, string name, string input, string output, params (string Property, JsonNode Value)[] more)
    {
        var operation = new JsonObject { ["op"] = op, ["name"] = name, ["input"] = input, ["output"] = output };
        foreach (var (property, value) in more) operation[property] = value;
        _operations.Add(operation);
        return output;
    }

    /// <summary>Operations of transformers, autoencoders and text encoders, one after the other.</summary>
    public ManifestBuilder WithMapOperations()
    {
        int s = Size;
        Map("latent", s, Channels);
        string h = Convolution("conv_in", "latent", Map("h0", s, 8), weightBits: 32);
        h = Operation("layerNorm", "norm", h, Map("h1", s, 8), ("epsilon", Number(1e-5)));
        Convolution("to_kv", h, Map("kv", s, 16), kernelSize: 1, padding: 0, weightBits: 32);
        h = Operation("crossAttention", "attention", h, Map("h2", s, 8), [("context", "kv"), ("heads", 2), ("causal", true), .. ProductBits == 8 ? new (string, JsonNode)[] { ("productBits", 8) } : []]);
        h = Operation("activation", "activation", h, Map("h3", s, 8), ("function", "gelu"));
        h = Operation("linearMap", "centre", h, Map("h4", s, 8), ("scale", 2), ("offset", -1));
        h = Operation("scaleShift", "modulate", h, Map("h5", s, 8), ("vector", Vector(16)));
        h = Convolution("proj", h, Map("wide", s, 16), kernelSize: 1, padding: 0, weightBits: 16);
        h = Operation("geglu", "gate", h, Map("h6", s, 8));
        h = Operation("resample", "down", h, Map("h7", s / 2, 8), ("halve", true));
        h = Operation("resample", "up", h, Map("h8", s, 8), ("halve", false));
        h = Convolution("ids", h, Map("ids", s, 1), kernelSize: 1, padding: 0, weightBits: 32);
        Operation("lookup", "embeddings", h, Map("rows", s, 8), ("rows", 3), ("tableBits", 16));
        h = Operation("codebook", "codes", "rows", Map("h9", s, 8), ("rows", 5));
        if (ProductBits == 8)
        {
            h = Operation("layerNorm", "norm3", h, Map("norm3.q", s, 8, "quantized8"), ("epsilon", Number(1e-5)));
            h = Convolution("ff.proj", h, Map("ff.proj", s, 16), kernelSize: 1, padding: 0);
            h = Operation("geglu", "ff.gate", h, Map("ff.gate.q", s, 8, "quantized16"));
            h = Convolution("ff.out", h, Map("ff.out", s, 8), kernelSize: 1, padding: 0, weightBits: 8);
            h = Operation("activation", "gelu", h, Map("gelu.q", s, 8, "quantized8"), ("function", "quick_gelu"));
            h = Convolution("mlp.out", h, Map("mlp.out", s, 8), kernelSize: 1, padding: 0);
        }

        h = Convolution("join", h, Map("h10", s, 8), residual: "h8", weightBits: 16);
        Operation("select", "summary", h, Map("summary", 1, 8), ("ids", "ids"), ("id", 1));
        Convolution("wide", "summary", Map("pixel", 1, 16), kernelSize: 1, padding: 0, weightBits: 32);
        h = Operation("modulation", "scale", h, Map("h11", s, 8), ("condition", "pixel"));
        Convolution("shifts", "pixel", Map("shifts", 1, 8), kernelSize: 1, padding: 0, weightBits: 32);
        h = Operation("modulation", "shift", h, Map("h12", s, 8), ("condition", "shifts"));
        Convolution("conv_out", h, Map("epsilon", s, Channels), weightBits: 32);
        return this;
    }

    /// <summary>A text encoder, a network with cross attention over what it gives, whose keys and values are computed once a call, and a decoder to twice the size.</summary>
    public ManifestBuilder WithNetworks()
    {
        const int tokens = 4;
        int s = Size;
        var text = new ManifestBuilder();
        string h = text.Operation("lookup", "embeddings", text.Map("ids", 1, tokens, 1), text.Map("rows", 1, tokens, 8), ("rows", 12));
        h = text.Quantize("fc.quantize", h, text.Map("fc.q", 1, tokens, 8, "quantized16"));
        h = text.Convolution("fc", h, text.Map("h", 1, tokens, 8), residual: "rows", kernelSize: 1, padding: 0, weightBits: 8);
        if (TextPair)
        {
            text.Operation("lookup", "embeddings_2", text.Map("ids_2", 1, tokens, 1), text.Map("rows_2", 1, tokens, 8), ("rows", 12));
            string summary = text.Operation("select", "summary", "rows_2", text.Map("summary", 1, 8), ("ids", "ids_2"), ("id", 11));
            h = text.Operation("modulation", "joined", h, text.Map("joined", 1, tokens, 8), ("condition", summary));
            text.Operation("lookup", "factor", text.Map("none", 1, 1), text.Map("factor", 1, 16), ("rows", 2));
            h = text.Operation("modulation", "given", h, text.Map("given", 1, tokens, 8), ("condition", "factor"));
        }

        text.Operation("layerNorm", "norm", h, text.Map("encoder_hidden_states", 1, tokens, 8), ("epsilon", Number(1e-5)));
        _encoders.Add(text.Timeless("text_encoder", "ids", "encoder_hidden_states", TextPair ? ["ids_2", "none"] : []));
        _prompt = new JsonObject { ["input"] = "ids", ["empty"] = new JsonArray(10, 11, 11, 11), ["vocabulary"] = 72, ["merges"] = 4 };
        if (TextPair) (_prompt["second"], _prompt["filling"], _prompt["none"], _prompt["clipSkip"]) = ("ids_2", 5, "none", 1);

        WithInputs = true;
        Map("latent", s, Channels);
        Map("encoder_hidden_states", 1, tokens, 8);
        h = Convolution("conv_in", "latent", Map("h0", s, 8), vector: Vector(8), weightBits: 32);
        if (Masks)
        {
            h = Convolution("conv_in.1", Map("mask", s, 1), Map("h0.1", s, 8), residual: h, weightBits: 32);
            h = Convolution("conv_in.2", Map("masked_image", s, Channels), Map("h0.2", s, 8), residual: h, weightBits: 32);
        }

        string query = Quantize("attn.to_q.quantize", h, Map("attn.q", s, 8, "quantized8"));
        query = Convolution("attn.to_q", query, Map("query", s, 8), kernelSize: 1, padding: 0);
        string context = Quantize("attn.to_kv.quantize", "encoder_hidden_states", Map("attn.c", 1, tokens, 8, "quantized16"));
        _once.Add(context);
        context = Convolution("attn.to_kv", context, Map("kv", 1, tokens, 16), kernelSize: 1, padding: 0, weightBits: 8);
        string attended = Operation("crossAttention", "attn.attention", query, Map("attended", s, 8), ("context", context), ("heads", 2), ("causal", false));
        h = Convolution("attn.to_out", attended, Map("h1", s, 8), residual: h, kernelSize: 1, padding: 0, weightBits: 32);
        h = GroupNorm("conv_norm_out", h, Map("out.q", s, 8, "quantized16"));
        Convolution("conv_out", h, Map("epsilon", s, Channels), weightBits: 8);
        if (Variance) Convolution("conv_out.variance", h, Map("variance", s, Channels), weightBits: 8);

        var decoder = new ManifestBuilder();
        h = decoder.Operation("linearMap", "unscale", decoder.Map("latent", s, Channels), decoder.Map("z", s, Channels), ("scale", Number(5.5)), ("offset", Number(0.25)));
        h = decoder.Convolution("conv_in", h, decoder.Map("h0", s, 8), weightBits: 32);
        h = decoder.GroupNorm("norm", h, decoder.Map("q", s, 8, "quantized8"));
        decoder.Convolution("conv_out", h, decoder.Map("image", 2 * s, 3), upsample: 2);
        _decoder = decoder.Timeless("vae", "latent", "image");
        if (!Pictures) return this;
        var encoder = new ManifestBuilder();
        h = encoder.Convolution("conv_in", encoder.Map("image", 2 * s, 3), encoder.Map("h0", s, 8), stride: 2, weightBits: 32);
        h = encoder.GroupNorm("norm", h, encoder.Map("q", s, 8, "quantized8"));
        encoder.Convolution("conv_out", h, encoder.Map("moments", s, Channels));
        _imageEncoder = encoder.Timeless("image_encoder", "image", "moments");
        return this;
    }

    /// <summary>Every operation and every option of it: residual, vector, skip concatenation, strides, upsampling, all weight widths, attention.</summary>
    public ManifestBuilder WithEveryOperation()
    {
        int s = Size, half = (s + 1) / 2;
        Map("latent", s, Channels);
        Map("conv_in.q", s, Channels, "quantized16");
        Map("h0", s, 8);
        Quantize("conv_in.quantize", "latent", "conv_in.q");
        Convolution("conv_in", "conv_in.q", "h0", weightBits: 8);

        GroupNorm("down_blocks.0.resnets.0.norm1", "h0", Map("r1.q", s, 8, "quantized8"));
        Convolution("down_blocks.0.resnets.0.conv1", "r1.q", Map("r1.h", s, 8), vector: Vector(8));
        GroupNorm("down_blocks.0.resnets.0.norm2", "r1.h", Map("r1.q2", s, 8, "quantized8"));
        Convolution("down_blocks.0.resnets.0.conv2", "r1.q2", Map("h1", s, 8), residual: "h0", outputScale: "0.70710678");

        Quantize("down_blocks.0.downsamplers.0.conv.quantize", "h1", Map("d.q", s, 8, "quantized8"));
        Convolution("down_blocks.0.downsamplers.0.conv", "d.q", Map("h2", half, 8), stride: 2);

        GroupNorm("mid_block.attentions.0.group_norm", "h2", Map("a.n", half, 8), silu: false);
        Convolution("mid_block.attentions.0.to_qkv", "a.n", Map("a.qkv", half, 24), kernelSize: 1, padding: 0, weightBits: 32);
        Attention("mid_block.attentions.0.attention", "a.qkv", Map("a.o", half, 8), heads: 2);
        Convolution("mid_block.attentions.0.to_out.0", "a.o", Map("h3", half, 8), residual: "h2", kernelSize: 1, padding: 0, weightBits: 32);

        Quantize("up_blocks.0.upsamplers.0.conv.quantize", "h3", Map("u.q", half, 8, "quantized8"));
        Convolution("up_blocks.0.upsamplers.0.conv", "u.q", Map("h4", s, 8), upsample: 2);

        GroupNorm("up_blocks.0.resnets.0.norm1", "h4", Map("u.qa", s, 8, "quantized8"), "h1", Map("u.qb", s, 8, "quantized8"), groups: 4);
        Convolution("up_blocks.0.resnets.0.conv1", "u.qa", Map("u.h", s, 8));
        Convolution("up_blocks.0.resnets.0.conv1_skip", "u.qb", Map("u.h2", s, 8), residual: "u.h", vector: Vector(8));

        GroupNorm("conv_norm_out", "u.h2", Map("out.q", s, 8, "quantized16"));
        Convolution("conv_out", "out.q", Map("epsilon", s, Channels), weightBits: 8);
        return this;
    }

    /// <summary>The smallest network: one FP32 convolution.</summary>
    public ManifestBuilder WithOneConvolution()
    {
        Map("latent", Size, Channels);
        Map("epsilon", Size, Channels);
        Convolution("conv", "latent", "epsilon", weightBits: 32);
        return this;
    }

    /// <summary>One quantized convolution and the 8-bit one that ends every network.</summary>
    public ManifestBuilder WithTwoConvolutions()
    {
        Map("latent", Size, Channels);
        Map("q", Size, Channels, "quantized8");
        Quantize("conv_in.quantize", "latent", "q");
        Convolution("conv_in", "q", Map("h", Size, 4), vector: Vector(4));
        GroupNorm("conv_norm_out", "h", Map("out.q", Size, 4, "quantized16"));
        Convolution("conv_out", "out.q", Map("epsilon", Size, Channels), weightBits: 8);
        return this;
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["$schema"] = "calibration.schema.json",
            ["schemaVersion"] = 2,
            ["model"] = new JsonObject
            {
                ["name"] = Name, ["architecture"] = "UNet2DModel", ["sha256"] = new string('a', 64), ["parameters"] = 1114209,
                ["height"] = Size, ["width"] = Size, ["channels"] = Channels, ["classes"] = Classes, ["nullLabel"] = Classes - 1,
            },
            ["scheduler"] = new JsonObject
            {
                ["family"] = Scheduler, ["settings"] = Scheduler == "ddim" ? new JsonObject { ["beta_start"] = "0.0001", ["eta"] = "0.5" } : new JsonObject { ["beta_start"] = "0.0001" },
            },
            ["sampling"] = new JsonObject
            {
                ["guidance"] = 1, ["guidanceMinimum"] = 1, ["guidanceMaximum"] = Guided ? 4 : 1,
                ["meanCorrection"] = MeanCorrection, ["clampK"] = true, ["varianceCorrection"] = true, ["policy"] = "preset",
                ["multiplyAccumulates"] = 123456789, ["bitOperationsSaved"] = Number(21.3),
            },
            ["solver"] = new JsonObject { ["begin"] = new JsonArray(Draw(-1), Sum("x", ("z0", 1))), ["end"] = new JsonArray() },
            ["weights"] = new JsonObject { ["file"] = Name + ".weights.safetensors", ["sha256"] = new string('b', 64), ["bytes"] = 712344 },
            ["network"] = new JsonObject
            {
                ["latent"] = "latent", ["epsilon"] = "epsilon", ["maps"] = Maps(),
                ["embedding"] = new JsonObject { ["width"] = EmbeddingWidth, ["classes"] = Classes, ["vectors"] = _vectors },
                ["operations"] = _operations.DeepClone(),
            },
            ["steps"] = new JsonArray([.. Enumerable.Range(0, Steps).Select(Step)]),
            ["provenance"] = new JsonObject
            {
                ["tool"] = "specializer", ["version"] = "0.1.0", ["options"] = new JsonArray("--steps " + Steps), ["trajectories"] = 1024, ["firstSeed"] = 0,
            },
        };
        if (Variance) json["network"]!["variance"] = "variance";
        if (WithInputs) json["network"]!["inputs"] = new JsonArray([.. _maps.Where(m => m.Name is "encoder_hidden_states" or "mask" or "masked_image").Select(m => JsonValue.Create(m.Name))]);
        if (_encoders.Count > 0) json["encoders"] = _encoders.DeepClone();
        if (_imageEncoder is not null) json["imageEncoder"] = _imageEncoder.DeepClone();
        if (_decoder is not null) json["decoder"] = _decoder.DeepClone();
        if (_prompt is not null) json["prompt"] = _prompt.DeepClone();
        if (Guided) json["statistics"] = new JsonArray(Statistics());
        return json;
    }

    public override string ToString() => Text(ToJson());

    public static string Text(JsonNode json) => json.ToJsonString(s_indented).ReplaceLineEndings("\n");

    public static string Compact(JsonNode json) => json.ToJsonString();

    private JsonArray Maps() => new([.. _maps.Select(m => new JsonObject
    {
        ["name"] = m.Name, ["height"] = m.Height, ["width"] = m.Width, ["channels"] = m.Channels, ["type"] = m.Type,
    })]);

    private JsonObject Timeless(string name, string input, string output, params string[] more)
    {
        int slots = _maps.Count(m => m.Type != "float32");
        return new()
        {
            ["name"] = name, ["inputs"] = new JsonArray([input, .. more.Select(m => (JsonNode)m)]), ["outputs"] = new JsonArray(output), ["maps"] = Maps(), ["operations"] = _operations.DeepClone(),
            ["scales"] = Array(slots, i => Number(0.0211 + 0.001 * i)), ["zeroPoints"] = Array(slots, i => 100 + i), ["levels"] = Array(slots, _ => 255),
        };
    }

    private JsonObject Step(int step)
    {
        int bits = step < FirstStepsAtFourBits ? 4 : 8;
        int timestep = (Steps - 1 - step) * (1000 / Steps);
        var quantized = _maps.Where(m => m.Type != "float32").ToArray();
        int attentions = ProductBits == 32 ? 0 : _operations.Count(o => o!["op"]!.GetValue<string>() is "attention" or "crossAttention");
        int[] levels = [.. quantized.Select(m => bits == 4 && m.Type == "quantized8" ? 15 : 255), .. Enumerable.Repeat(255, 3 * attentions)];
        bool corrected = MeanCorrection != "off";
        var json = new JsonObject
        {
            ["timestep"] = timestep, ["inputScale"] = 1, ["activationBits"] = bits, ["calibratedSigma"] = Number(step == Steps - 1 ? 0 : 0.189),
            ["lambda"] = Number(0.125), ["k"] = Number(-0.01), ["rSquared"] = Number(0.3), ["noiseVariance"] = Number(0.0004), ["snrDb"] = Number(28.6 - step * 0.125),
            ["gain"] = Number(corrected ? 0.971 : 1), ["offset"] = Array(Channels, i => corrected ? Number(-0.0012 - i * 0.5) : Number(0)),
            ["statements"] = Statements(step),
            ["scales"] = Array(levels.Length, i => Number(0.0123 + 0.001 * i + 0.00001 * Own(i))),
            ["zeroPoints"] = Array(levels.Length, i => JsonValue.Create((i * 7 + Own(i)) % (levels[i] + 1))),
            ["levels"] = Array(levels.Length, i => JsonValue.Create(levels[i])),
        };
        if (Pictures)
        {
            JsonArray own = Statements(step);
            // Half as far.
            own[own.Count - 1]!["by"]![0] = Number(0.25);
            json["start"] = new JsonObject { ["known"] = Number(0.6), ["noise"] = Number(0.8), ["first"] = new JsonArray(new JsonObject { ["statements"] = own }) };
        }

        if (Guided)
        {
            json["covariance"] = Array(16, i => Number(i % 5 == 0 ? 1 : 0.0625));
            json["means"] = Array(4 * Channels, i => Number(0.001 * i));
        }

        return json;

        // What a call computes once has the same numbers in every step.
        int Own(int slot) => slot < quantized.Length && _once.Contains(quantized[slot].Name) ? 0 : step;
    }

    private JsonArray Statements(int step)
    {
        bool noise = step < Steps - 1;
        return new JsonArray(
        [
            Sum("d", ("x", 1.0625), ("m", -0.35)),
            .. Clip ? (JsonNode[])[new JsonObject { ["op"] = "clip", ["target"] = "d", ["bound"] = 1 }] : [],
            .. noise ? (JsonNode[])[Draw(step)] : [],
            noise ? Sum("x", ("x", 0.9), ("d", 0.1), ("z0", 0.19)) : Sum("x", ("x", 0.9), ("d", 0.1)),
        ]);
    }

    /// <summary>A sum, as a statement.</summary>
    public static JsonObject Sum(string target, params (string Register, double Factor)[] terms) => new()
    {
        ["op"] = "sum", ["target"] = target, ["of"] = new JsonArray([.. terms.Select(t => JsonValue.Create(t.Register))]), ["by"] = new JsonArray([.. terms.Select(t => Number(t.Factor))]),
    };

    /// <summary>Noise, as a statement.</summary>
    public static JsonObject Draw(int draw) => new() { ["op"] = "draw", ["target"] = "z0", ["draw"] = draw };

    private JsonObject Statistics()
    {
        var json = new JsonObject { ["weightBits"] = 4, ["activationBits"] = 8, ["trajectories"] = 1024, ["freeRunningTrajectories"] = 256 };
        foreach (string name in (string[])["snrDb", "snrDbLow", "snrDbHigh", "k", "kLow", "kHigh", "rSquared", "noiseVariance", "excessKurtosis", "normality", "freeRunningSnrDb", "freeRunningSnrDbLow", "freeRunningSnrDbHigh"])
            json[name] = Array(Steps, i => Number(0.5 + i));
        json["bias"] = Array(Steps * Channels, i => Number(0.01 * i));
        return json;
    }

    private static JsonArray Array(int length, Func<int, JsonNode> element) => new([.. Enumerable.Range(0, length).Select(element)]);

    private static JsonNode Number(double value) => JsonNode.Parse(((float)value).ToString("R", CultureInfo.InvariantCulture))!;
}
