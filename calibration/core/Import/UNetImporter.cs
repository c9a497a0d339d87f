using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Turns a diffusers <c>UNet2DModel</c> or <c>UNet2DConditionModel</c> into a <see cref="Network"/>: the order of operations and the names are those of its modules.</summary>
internal sealed class UNetImporter
{
    /// <summary>Name of the input that holds the tokens of a condition.</summary>
    public const string Context = "encoder_hidden_states";

    /// <summary>Name of the input that holds a label, where labels are looked up in the network.</summary>
    public const string Labels = "class_labels";

    /// <summary>Name of the input that holds a label that is a number, as what a timestep of that number is to its embedding: sinusoids, mostly.</summary>
    public const string LabelFeatures = "class_features";

    /// <summary>Name of the input that holds a label that is a vector.</summary>
    public const string LabelVector = "class_vector";

    /// <summary>Name of the input that holds <see cref="AddedConditions"/>: a text's summary and the sinusoids of its numbers.</summary>
    public const string Added = "added_conditions";

    /// <summary>Name of the input that holds the last channels of a condition's tokens, where two text encoders give them.</summary>
    public const string SecondContext = "encoder_hidden_states_2";

    /// <summary>Name of the input that holds a text's summary alone, where the numbers beside it are known.</summary>
    public const string Summary = "text_embeds";

    private readonly UNetConfiguration _configuration;
    private readonly NetworkBuilder _network;
    private readonly ResidualOptions _residual;
    private readonly Stack<Map> _skips = new();
    private readonly List<Map> _inputs = [];
    private MapPair _context;

    private UNetImporter(UNetConfiguration configuration, SourceTensors source)
    {
        _configuration = configuration;
        _network = new(source, configuration.BlockWidth);
        _residual = new() { Groups = configuration.Groups, Epsilon = configuration.Epsilon, Activation = configuration.Activation, HasTime = true, ScaleShift = configuration.ScaleShift };
    }

    /// <param name="configuration">The network's.</param>
    /// <param name="source">Asked for all tensors; to be checked before one is read.</param>
    public static (Network Network, DeferredTensors Tensors, TimeEmbedding Time) Import(UNetConfiguration configuration, SourceTensors source)
    {
        var importer = new UNetImporter(configuration, source);
        Network network = importer.Build();
        return (network, importer._network.Tensors, new(configuration, source, importer._network.Projections));
    }

    private Network Build()
    {
        UNetConfiguration c = _configuration;
        Map latent = _network.AddMap("latent", c.Height, c.Width, c.Channels);
        if (c.Cross is { } cross) _context = Tokens(cross);
        if (c.EmbedsInNetwork) _network.EmbedBy(Embedding());
        Map h = c.CenterInput ? _network.LinearMap("center_input_sample", latent, 2, -1) : latent;
        h = c.ReadsMask ? _network.Convolution("conv_in", [h, Input(LinkedNetwork.Mask, c.Height, c.Width, 1), Input(LinkedNetwork.MaskedImage, c.Height, c.Width, c.Channels)], c.Levels.Channels[0], c.InputKernel)
            : _network.Convolution("conv_in", new MapPair(h), c.Levels.Channels[0], new() { KernelSize = c.InputKernel });
        _skips.Push(h);
        h = Up(Middle(Down(h)));
        h = _network.GroupNorm("conv_norm_out", new(h), c.Groups, c.Epsilon, c.OuterActivation).First;
        Map epsilon = c.Fourier ? Divided(h) : _network.Convolution("conv_out", new MapPair(h), c.OutputChannels, new() { KernelSize = c.OutputKernel, Output = "epsilon" });
        return _network.Build(latent, epsilon, c.EmbedsInNetwork ? 0 : c.Classes) with { Inputs = new([.. _inputs.Select(i => i.Name)]) };
    }

    /// <summary>The condition's tokens: of two text encoders, whose channels stand side by side, each its own map, since each has its own range.</summary>
    private MapPair Tokens(CrossAttentionConfiguration cross) =>
        new(Input(Context, cross.Tokens, cross.Channels - cross.SecondChannels), cross.SecondChannels == 0 ? null : Input(SecondContext, cross.Tokens, cross.SecondChannels));

    /// <summary>The last convolution of a network whose prediction is divided by the timestep t: (W/N)·(N/t·h) + b/t, of which N/t and b/t are step vectors. The operation before it multiplies by 1 + x:
    /// with N, the nearest power of two above the timesteps that there mostly are, x keeps its precision.</summary>
    private Map Divided(Map h)
    {
        int vector = _network.Reserve(2 * h.Channels + _configuration.OutputChannels);
        h = _network.ScaleShift("time_division", h, vector);
        return _network.Convolution("conv_out", "conv_out", h, _configuration.OutputChannels, new() { Output = "epsilon", Vector = vector + 2 * h.Channels },
            weight => [.. weight.Select(w => w / TimeEmbedding.Dividend)], bias => new float[bias.Length]);
    }

    /// <summary>Label and added conditions beside the time: f(label + MLP(added) + time), where the time comes as step vectors.</summary>
    private Map Embedding()
    {
        UNetConfiguration c = _configuration;
        int width = c.BlockWidth, vector = _network.Reserve(2 * width);
        Map? sum = Label();
        if (c.Added is { } added)
        {
            Map h = added.Known.Length == 0 ? _network.Linear("add_embedding.linear_1", Input(Added, 1, added.Channels), width)
                : _network.Linear("add_embedding.linear_1", Input(Summary, 1, added.Channels - added.Known.Length), added.Known, width);
            h = _network.Activation("add_embedding.act", h, "silu");
            sum = _network.Linear("add_embedding.linear_2", ["add_embedding.linear_2"], h, width, bias: true, new() { Residual = sum, Vector = vector + width });
        }
        else
        {
            sum = _network.ScaleShift("time_embedding", sum!, vector);
        }

        return _network.Activation("time_embedding.act", sum, c.Activation);
    }

    /// <summary>A label's embedding, of the width of blocks; null for a network without labels.</summary>
    private Map? Label()
    {
        const string name = "class_embedding";
        UNetConfiguration c = _configuration;
        int width = c.EmbeddingWidth;
        Map? label = c.ClassVector is { } vector ? Label(name, Input(vector.Type == ClassVector.Timestep ? LabelFeatures : LabelVector, 1, vector.Channels), vector.Type)
            : c.Classes > 0 ? _network.Lookup(name, Input(Labels, 1, 1), $"{name}.weight", c.Classes, width) : null;
        if (label is null || !c.ConcatenatesClass) return label;
        // Behind zeros, so that adding the time, before zeros, puts the two side by side.
        return _network.Convolution($"{name}.concat", label, 2 * width, () => [.. Enumerable.Range(0, 2 * width * width).Select(i => i / width - width == i % width ? 1f : 0)], () => new float[2 * width], new() { KernelSize = 1 });
    }

    private Map Label(string name, Map input, string type)
    {
        int width = _configuration.EmbeddingWidth;
        if (type == ClassVector.Identity) return input;
        if (type == ClassVector.SimpleProjection) return _network.Linear(name, input, width);
        Map h = _network.Linear($"{name}.linear_1", input, width);
        // Only the one that is like the time's follows act_fn.
        h = _network.Activation($"{name}.act", h, type == ClassVector.Timestep ? _configuration.OuterActivation : "silu");
        return _network.Linear($"{name}.linear_2", h, width);
    }

    private Map Input(string name, int pixels, int channels) => Input(name, 1, pixels, channels);

    private Map Input(string name, int height, int width, int channels)
    {
        Map map = _network.AddMap(name, height, width, channels);
        _inputs.Add(map);
        return map;
    }

    private Map Down(Map h)
    {
        UNetLevels levels = _configuration.Levels;
        for (int level = 0; level < levels.Count; level++)
        {
            string name = Invariant($"down_blocks.{level}");
            for (int layer = 0; layer < levels.Layers[level]; layer++)
            {
                h = Layer(name, layer, new(h), level, levels.DownAttention[level], _configuration.Cross?.Layers.Down[level][layer] ?? 0);
                _skips.Push(h);
            }

            if (level == levels.Count - 1) continue;
            h = levels.ResidualDown[level]
                ? ResidualBlock.Add(_network, $"{name}.downsamplers.0", new(h), h.Channels, _residual with { Resampling = Resampling.Halve })
                : _network.Convolution($"{name}.downsamplers.0.conv", new MapPair(h), h.Channels, new() { Stride = 2, Padding = _configuration.DownsamplePadding });
            _skips.Push(h);
        }

        return h;
    }

    private Map Middle(Map h)
    {
        UNetMiddle middle = _configuration.Middle;
        ResidualOptions options = _residual with { ScaleFactor = middle.ScaleFactor };
        if (middle.Residuals > 0) h = ResidualBlock.Add(_network, "mid_block.resnets.0", new(h), h.Channels, options);
        if (middle.Attention) h = Attention("mid_block.attentions.0", h, _configuration.Levels.Count - 1, _configuration.Cross?.Layers.Middle ?? 0, middle.AttentionGroups, middle.ScaleFactor, onlyCross: false);
        return middle.Residuals > 1 ? ResidualBlock.Add(_network, "mid_block.resnets.1", new(h), h.Channels, options) : h;
    }

    private Map Up(Map h)
    {
        UNetLevels levels = _configuration.Levels;
        for (int block = 0; block < levels.Count; block++)
        {
            string name = Invariant($"up_blocks.{block}");
            int level = levels.Count - 1 - block;
            for (int layer = 0; layer <= levels.Layers[level]; layer++)
                h = Layer(name, layer, new(h, _skips.Pop()), level, levels.UpAttention[block], _configuration.Cross?.Layers.Up[block][layer] ?? 0);
            if (level == 0) continue;
            h = levels.ResidualUp[block]
                ? ResidualBlock.Add(_network, $"{name}.upsamplers.0", new(h), h.Channels, _residual with { Resampling = Resampling.Double })
                : _network.Convolution($"{name}.upsamplers.0.conv", new MapPair(h), h.Channels, new() { Upsample = 2, UpsampledLike = _skips.Peek() });
        }

        return h;
    }

    private Map Layer(string block, int layer, MapPair input, int level, bool attention, int transformers)
    {
        Map h = ResidualBlock.Add(_network, Invariant($"{block}.resnets.{layer}"), input, _configuration.Levels.Channels[level], _residual);
        return attention ? Attention(Invariant($"{block}.attentions.{layer}"), h, level, transformers, _configuration.Groups, 1, _configuration.Cross?.OnlyCross[level] == true) : h;
    }

    private Map Attention(string name, Map input, int level, int transformers, int? groups, double scaleFactor, bool onlyCross) => _configuration.Cross is { } cross
        ? TransformerBlock.Add(_network, name, input, _context, cross.Heads[level], transformers, groups ?? _configuration.Groups, cross.LinearProjection, onlyCross)
        : _network.Attention(name, input, input.Channels / (_configuration.HeadChannels ?? input.Channels), groups, _configuration.Epsilon, scaleFactor);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
