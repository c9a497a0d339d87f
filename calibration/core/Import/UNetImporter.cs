using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Turns a diffusers <c>UNet2DModel</c> or <c>UNet2DConditionModel</c> into a <see cref="Network"/>: the order of operations and the names are those of its modules.</summary>
internal sealed class UNetImporter
{
    /// <summary>Name of the input that holds the tokens of a condition.</summary>
    public const string Context = "encoder_hidden_states";

    private readonly UNetConfiguration _configuration;
    private readonly NetworkBuilder _network;
    private readonly Stack<Map> _skips = new();
    private Map? _context;

    private UNetImporter(UNetConfiguration configuration, SourceTensors source)
    {
        _configuration = configuration;
        _network = new(source, configuration.EmbeddingWidth);
    }

    /// <exception cref="ModelImportException">A tensor is missing, has another shape, is not finite or is not used.</exception>
    public static (Network Network, IReadOnlyDictionary<string, float[]> Tensors, TimeEmbedding Time) Import(UNetConfiguration configuration, SourceTensors source)
    {
        var importer = new UNetImporter(configuration, source);
        Network network = importer.Build();
        var (weight, bias) = importer._network.Projections();
        float[] labels = configuration.Classes == 0 ? [] : source.Take("class_embedding.weight", configuration.Classes, configuration.EmbeddingWidth);
        TimeEmbedding time = new(configuration, source, labels, weight, bias);
        source.RejectRest();
        return (network, importer._network.Tensors, time);
    }

    private Network Build()
    {
        UNetConfiguration c = _configuration;
        int levels = c.BlockChannels.Length;
        Map latent = _network.AddMap("latent", c.Height, c.Width, c.Channels);
        if (c.Cross is { } cross) _context = _network.AddMap(Context, 1, cross.Tokens, cross.Channels);
        Map h = _network.Convolution("conv_in", new MapPair(latent), c.BlockChannels[0], new());
        _skips.Push(h);
        for (int block = 0; block < levels; block++)
        {
            string name = Invariant($"down_blocks.{block}");
            for (int layer = 0; layer < c.LayersPerBlock; layer++)
            {
                h = Layer(name, layer, new(h), block, c.DownAttention[block]);
                _skips.Push(h);
            }

            if (block == levels - 1) continue;
            h = _network.Convolution($"{name}.downsamplers.0.conv", new MapPair(h), h.Channels, new() { Stride = 2, Padding = c.DownsamplePadding });
            _skips.Push(h);
        }

        h = Residual("mid_block.resnets.0", new(h), h.Channels, c.MiddleScaleFactor);
        if (c.MiddleAttention) h = Attention("mid_block.attentions.0", h, levels - 1, c.MiddleAttentionGroups, c.MiddleScaleFactor);
        h = Residual("mid_block.resnets.1", new(h), h.Channels, c.MiddleScaleFactor);

        for (int block = 0; block < levels; block++)
        {
            string name = Invariant($"up_blocks.{block}");
            for (int layer = 0; layer <= c.LayersPerBlock; layer++)
                h = Layer(name, layer, new(h, _skips.Pop()), levels - 1 - block, c.UpAttention[block]);
            if (block < levels - 1)
                h = _network.Convolution($"{name}.upsamplers.0.conv", new MapPair(h), h.Channels, new() { Upsample = 2 });
        }

        h = _network.GroupNorm("conv_norm_out", new(h), c.Groups, c.Epsilon, silu: true).First;
        Map epsilon = _network.Convolution("conv_out", new MapPair(h), c.Channels, new() { Output = "epsilon" });
        Network network = _network.Build(latent, epsilon, c.Classes);
        return _context is null ? network : network with { Inputs = new([_context.Name]) };
    }

    private Map Layer(string block, int layer, MapPair input, int level, bool attention)
    {
        Map h = Residual(Invariant($"{block}.resnets.{layer}"), input, _configuration.BlockChannels[level], 1);
        return attention ? Attention(Invariant($"{block}.attentions.{layer}"), h, level, _configuration.Groups, 1) : h;
    }

    private Map Residual(string name, MapPair input, int channels, double scaleFactor) =>
        ResidualBlock.Add(_network, name, input, channels, _configuration.Groups, _configuration.Epsilon, hasTime: true, scaleFactor);

    private Map Attention(string name, Map input, int level, int groups, double scaleFactor) => _configuration.Cross is { } cross
        ? TransformerBlock.Add(_network, name, input, _context!, cross.Heads[level], cross.Layers[level], groups)
        : _network.Attention(name, input, input.Channels / (_configuration.HeadChannels ?? input.Channels), groups, _configuration.Epsilon, scaleFactor);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
