using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Turns both halves of a diffusers <c>AutoencoderKL</c> or <c>VQModel</c> into networks.</summary>
internal sealed class AutoencoderImporter
{
    // Fixed in the source library.
    private const float Epsilon = 1e-6f;

    private readonly AutoencoderConfiguration _configuration;
    private readonly NetworkBuilder _network;

    private AutoencoderImporter(AutoencoderConfiguration configuration, SourceTensors source)
    {
        _configuration = configuration;
        _network = new(source, embeddingWidth: 0);
    }

    /// <summary>Latents to images in [−1, 1]. A <c>VQModel</c>'s latents are taken to the nearest row of its codebook first.</summary>
    /// <param name="configuration">The autoencoder's.</param>
    /// <param name="source">Its tensors; those of the encoder are left.</param>
    /// <param name="height">Rows of the latents.</param>
    /// <param name="width">Columns of the latents.</param>
    /// <param name="quantize">Whether latents are taken to the codebook.</param>
    public static ImportedNetwork Decoder(AutoencoderConfiguration configuration, SourceTensors source, int height, int width, bool quantize = true)
    {
        var importer = new AutoencoderImporter(configuration, source);
        return new(importer.BuildDecoder(height, width, quantize), importer._network.Tensors);
    }

    /// <summary>Images in [−1, 1] to latents: of an <c>AutoencoderKL</c> means and logarithms of variances, of a <c>VQModel</c> what precedes the codebook.</summary>
    /// <param name="configuration">The autoencoder's.</param>
    /// <param name="source">Its tensors; those of the decoder are left.</param>
    /// <param name="height">Rows of the images.</param>
    /// <param name="width">Columns of the images.</param>
    public static ImportedNetwork Encoder(AutoencoderConfiguration configuration, SourceTensors source, int height, int width)
    {
        var importer = new AutoencoderImporter(configuration, source);
        return new(importer.BuildEncoder(height, width), importer._network.Tensors);
    }

    private Network BuildDecoder(int height, int width, bool quantize)
    {
        AutoencoderConfiguration c = _configuration;
        Map latent = _network.AddMap("latent", height, width, c.LatentChannels), h = latent;
        if (c.Codes > 0 && quantize) h = _network.Codebook("quantize", h, "quantize.embedding.weight", c.Codes);
        if (c.PostQuantization) h = _network.Convolution("post_quant_conv", new MapPair(h), c.LatentChannels, new() { KernelSize = 1 });
        h = _network.Convolution("decoder.conv_in", new MapPair(h), c.BlockChannels[^1], new());
        h = Middle("decoder", h);
        for (int block = 0; block < c.BlockChannels.Length; block++)
        {
            for (int layer = 0; layer <= c.LayersPerBlock; layer++)
                h = Residual(Invariant($"decoder.up_blocks.{block}.resnets.{layer}"), h, c.BlockChannels[^(block + 1)]);
            if (block < c.BlockChannels.Length - 1)
                h = _network.Convolution(Invariant($"decoder.up_blocks.{block}.upsamplers.0.conv"), new MapPair(h), h.Channels, new() { Upsample = 2 });
        }

        return _network.Build(latent, End("decoder", h, c.ImageChannels, "image"));
    }

    private Network BuildEncoder(int height, int width)
    {
        AutoencoderConfiguration c = _configuration;
        Map image = _network.AddMap("image", height, width, c.ImageChannels);
        Map h = _network.Convolution("encoder.conv_in", new MapPair(image), c.BlockChannels[0], new());
        for (int block = 0; block < c.BlockChannels.Length; block++)
        {
            for (int layer = 0; layer < c.LayersPerBlock; layer++)
                h = Residual(Invariant($"encoder.down_blocks.{block}.resnets.{layer}"), h, c.BlockChannels[block]);
            if (block < c.BlockChannels.Length - 1)
                h = _network.Convolution(Invariant($"encoder.down_blocks.{block}.downsamplers.0.conv"), new MapPair(h), h.Channels, new() { Stride = 2, Padding = 0 });
        }

        int outputs = c.Codes > 0 ? c.LatentChannels : 2 * c.LatentChannels;
        h = End("encoder", Middle("encoder", h), outputs, c.PreQuantization ? null : "moments");
        if (c.PreQuantization) h = _network.Convolution("quant_conv", new MapPair(h), outputs, new() { KernelSize = 1, Output = "moments" });
        return _network.Build(image, h);
    }

    private Map Middle(string half, Map h)
    {
        h = Residual($"{half}.mid_block.resnets.0", h, h.Channels);
        if (_configuration.MiddleAttention) h = _network.Attention($"{half}.mid_block.attentions.0", h, heads: 1, _configuration.Groups, Epsilon, scaleFactor: 1);
        return Residual($"{half}.mid_block.resnets.1", h, h.Channels);
    }

    private Map End(string half, Map h, int channels, string? output)
    {
        h = _network.GroupNorm($"{half}.conv_norm_out", new(h), _configuration.Groups, Epsilon, "silu").First;
        return _network.Convolution($"{half}.conv_out", new MapPair(h), channels, new() { Output = output });
    }

    private Map Residual(string name, Map input, int channels) => ResidualBlock.Add(_network, name, new(input), channels, new() { Groups = _configuration.Groups, Epsilon = Epsilon });

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
