using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What <c>config.json</c> of an <c>AutoencoderKL</c> or <c>VQModel</c> says.</summary>
internal sealed record AutoencoderConfiguration
{
    private const int MaximumChannels = 65536;

    public required int ImageChannels { get; init; }
    public required int LatentChannels { get; init; }
    public required int[] BlockChannels { get; init; }
    public required int LayersPerBlock { get; init; }
    public required int Groups { get; init; }
    public required bool MiddleAttention { get; init; }
    /// <summary>Rows of the codebook; 0 for an <c>AutoencoderKL</c>.</summary>
    public required int Codes { get; init; }
    /// <summary>Whether a 1×1 convolution stands before the decoder, and behind the encoder.</summary>
    public required bool PostQuantization { get; init; }
    public required bool PreQuantization { get; init; }
    /// <summary>What latents are multiplied by before they are denoised.</summary>
    public required double ScalingFactor { get; init; }

    /// <summary>Pixels of an image, in each direction, for one of a latent.</summary>
    public int Factor => 1 << (BlockChannels.Length - 1);

    /// <exception cref="ModelImportException">A value has another type or range than diffusers accepts.</exception>
    /// <exception cref="UnsupportedModelException">A value asks for arithmetic that is not implemented.</exception>
    public static AutoencoderConfiguration Read(ConfigurationReader json)
    {
        json.Require("_class_name", "Supported: \"AutoencoderKL\", \"VQModel\".", "\"AutoencoderKL\"", "\"VQModel\"");
        json.ThrowIfRefused();
        bool vector = json.Text("_class_name", "") == "VQModel";
        json.Require("act_fn", "Supported: \"silu\" (also spelt \"swish\").", "\"silu\"", "\"swish\"");
        json.Require("norm_type", "Supported: \"group\".", "\"group\"");
        json.Require("lookup_from_codebook", "Supported: false.", "false");
        json.Require("shift_factor", "Supported: null.", "null");
        // What was trained on, and FP16's overflow, change nothing here.
        json.Ignore("sample_size", "force_upcast", "latents_mean", "latents_std");
        int[] channels = json.Integers("block_out_channels", [64], 1, MaximumChannels);
        foreach (var (key, block) in (ReadOnlySpan<(string, string)>)[("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")])
        {
            string[] types = json.Texts(key, [block]);
            if (types.Length != channels.Length) throw new ModelImportException(json.File, key, $"has another number of entries than block_out_channels ({channels.Length}).");
            foreach (string type in types)
                if (type != block) json.Refuse(key, $"\"{type}\"", $"Supported: \"{block}\".");
        }

        int latents = json.Integer("latent_channels", vector ? 3 : 4, 1, 1024);
        if (vector && json.IntegerOrNull("vq_embed_dim", 1, 1024) is { } width && width != latents)
            json.Refuse("vq_embed_dim", json.Raw("vq_embed_dim"), $"Supported: as many as latent_channels ({latents}), or null.");
        int images = json.Integer("in_channels", 3, 1, 1024);
        if (json.Integer("out_channels", 3, 1, 1024) != images) json.Refuse("out_channels", json.Raw("out_channels"), $"Supported: as many as in_channels ({images}).");
        var configuration = new AutoencoderConfiguration
        {
            ImageChannels = images,
            LatentChannels = latents,
            BlockChannels = channels,
            LayersPerBlock = json.Integer("layers_per_block", 1, 1, 64),
            Groups = json.Integer("norm_num_groups", 32, 1, MaximumChannels),
            MiddleAttention = json.Flag("mid_block_add_attention", true),
            Codes = vector ? json.Integer("num_vq_embeddings", 256, 1, ManifestLimits.Rows) : 0,
            PostQuantization = json.Flag("use_post_quant_conv", true),
            PreQuantization = json.Flag("use_quant_conv", true),
            ScalingFactor = json.Positive("scaling_factor", 0.18215),
        };
        json.RejectUnknown();
        foreach (int c in channels)
            if (c % configuration.Groups != 0) throw new ModelImportException(json.File, "norm_num_groups", $"{configuration.Groups} groups do not divide a block's {c} channels.");
        return configuration;
    }
}
