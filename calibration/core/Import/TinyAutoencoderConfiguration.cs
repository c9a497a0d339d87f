namespace Specializer.Calibration;

/// <summary>What <c>config.json</c> of an <c>AutoencoderTiny</c> (TAESD) says.</summary>
internal sealed record TinyAutoencoderConfiguration
{
    private const int MaximumChannels = 65536;

    public required int ImageChannels { get; init; }
    public required int LatentChannels { get; init; }
    /// <summary>Channels of the encoder's levels, the largest maps first.</summary>
    public required int[] EncoderChannels { get; init; }
    /// <summary>Blocks of each of them.</summary>
    public required int[] EncoderBlocks { get; init; }
    /// <summary>Channels of the decoder's levels, the smallest maps first.</summary>
    public required int[] DecoderChannels { get; init; }
    /// <summary>Blocks of each of them.</summary>
    public required int[] DecoderBlocks { get; init; }
    /// <summary>Non-linearity within blocks.</summary>
    public required string Activation { get; init; }

    /// <summary>Pixels of an image, in each direction, for one of a latent.</summary>
    public int Factor => 1 << (DecoderChannels.Length - 1);

    /// <exception cref="ModelImportException">A value has another type or range than diffusers accepts.</exception>
    /// <exception cref="UnsupportedModelException">A value asks for arithmetic that is not implemented.</exception>
    public static TinyAutoencoderConfiguration Read(ConfigurationReader json)
    {
        json.Require("_class_name", "Supported: \"AutoencoderTiny\".", "\"AutoencoderTiny\"");
        json.ThrowIfRefused();
        string activation = json.Text("act_fn", "relu");
        if (activation is not ("relu" or "silu" or "swish" or "mish" or "gelu")) json.Refuse("act_fn", json.Raw("act_fn"), "Supported: \"relu\", \"silu\" (also spelt \"swish\"), \"mish\", \"gelu\".");
        json.Require("upsample_fn", "Supported: \"nearest\".", "\"nearest\"");
        json.Require("upsampling_scaling_factor", "Supported: 2.", "2", "2.0");
        // Decoder and encoder scale latents themselves; magnitude and shift are how a program stores latents as pictures, block_out_channels repeats the lists below.
        json.Ignore("latent_magnitude", "latent_shift", "force_upcast", "block_out_channels");
        json.Require("scaling_factor", "Supported: 1.", "1", "1.0");
        json.Require("shift_factor", "Supported: 0.", "0", "0.0", "null");
        var (encoder, encoderBlocks) = Levels(json, "encoder", [1, 3, 3, 3]);
        var (decoder, decoderBlocks) = Levels(json, "decoder", [3, 3, 3, 1]);
        int images = json.Integer("in_channels", 3, 1, 1024);
        if (json.Integer("out_channels", 3, 1, 1024) != images) json.Refuse("out_channels", json.Raw("out_channels"), $"Supported: as many as in_channels ({images}).");
        var configuration = new TinyAutoencoderConfiguration
        {
            ImageChannels = images,
            LatentChannels = json.Integer("latent_channels", 4, 1, 1024),
            EncoderChannels = encoder,
            EncoderBlocks = encoderBlocks,
            DecoderChannels = decoder,
            DecoderBlocks = decoderBlocks,
            Activation = activation == "swish" ? "silu" : activation,
        };
        json.RejectUnknown();
        return configuration;
    }

    private static (int[] Channels, int[] Blocks) Levels(ConfigurationReader json, string half, int[] absent)
    {
        int[] channels = json.Integers($"{half}_block_out_channels", [64, 64, 64, 64], 1, MaximumChannels), blocks = json.Integers($"num_{half}_blocks", absent, 0, 64);
        if (channels.Length is 0 or > 16) throw new ModelImportException(json.File, $"{half}_block_out_channels", $"has {channels.Length} entries; 1 to 16 are expected.");
        if (blocks.Length != channels.Length) throw new ModelImportException(json.File, $"num_{half}_blocks", $"has {blocks.Length} entries; one for each of the {channels.Length} levels is expected.");
        // The source library's levels resample without changing the number of channels.
        if (channels.Distinct().Count() > 1) json.Refuse($"{half}_block_out_channels", json.Raw($"{half}_block_out_channels"), "Supported: the same number for all levels.");
        return (channels, blocks);
    }
}
