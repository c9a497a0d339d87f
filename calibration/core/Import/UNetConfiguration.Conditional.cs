namespace Specializer.Calibration;

/// <summary>The transformers of a <c>UNet2DConditionModel</c>.</summary>
/// <param name="Tokens">Tokens of the context: fixed, because shapes are compiled in.</param>
/// <param name="Channels">Channels of a token.</param>
/// <param name="Heads">Heads, per level.</param>
/// <param name="Layers">Transformer layers of an attention, per level.</param>
internal sealed record CrossAttentionConfiguration(int Tokens, int Channels, int[] Heads, int[] Layers);

internal sealed partial record UNetConfiguration
{
    /// <summary>Reads the configuration of a <c>UNet2DConditionModel</c> (Stable Diffusion 1 and 2, latent diffusion).</summary>
    /// <param name="json">Its <c>config.json</c>.</param>
    /// <param name="tokens">Tokens of the context.</param>
    /// <exception cref="ModelImportException">A value has another type or range than diffusers accepts.</exception>
    /// <exception cref="UnsupportedModelException">A value asks for arithmetic that is not implemented.</exception>
    public static UNetConfiguration ReadConditional(ConfigurationReader json, int tokens)
    {
        json.Require("_class_name", "Supported: \"UNet2DConditionModel\".", "\"UNet2DConditionModel\"");
        json.ThrowIfRefused();
        json.Require("center_input_sample", "Supported: false.", "false");
        json.Require("act_fn", "Supported: \"silu\" (also spelt \"swish\").", "\"silu\"", "\"swish\"");
        json.Require("mid_block_type", "Supported: \"UNetMidBlock2DCrossAttn\".", "\"UNetMidBlock2DCrossAttn\"");
        json.Require("time_embedding_type", "Supported: \"positional\".", "\"positional\"");
        json.Require("resnet_time_scale_shift", "Supported: \"default\".", "\"default\"");
        json.Require("resnet_out_scale_factor", "Supported: 1.", "1", "1.0");
        foreach (string flag in (string[])["only_cross_attention", "dual_cross_attention", "class_embeddings_concat", "resnet_skip_time_act"]) json.Require(flag, "Supported: false.", "false", "null");
        foreach (string key in (string[])
            ["class_embed_type", "num_class_embeds", "addition_embed_type", "encoder_hid_dim", "encoder_hid_dim_type", "time_cond_proj_dim", "time_embedding_act_fn", "timestep_post_act",
             "reverse_transformer_layers_per_block", "attention_type", "mid_block_only_cross_attention", "cross_attention_norm"])
        {
            json.Require(key, "Supported: null.", "null", "\"default\"", "false");
        }

        json.Require("conv_in_kernel", "Supported: 3.", "3");
        json.Require("conv_out_kernel", "Supported: 3.", "3");
        // Dropout does nothing at inference, FP32 needs no upcast, and a projection is the same product as a linear layer or as a 1×1 convolution.
        json.Ignore("dropout", "upcast_attention", "use_linear_projection", "addition_embed_type_num_heads", "addition_time_embed_dim", "projection_class_embeddings_input_dim");

        int[] channels = json.Integers("block_out_channels", [320, 640, 1280, 1280], 1, MaximumChannels);
        bool[] down = Attention(json, "down_block_types", ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"], "DownBlock2D", "CrossAttnDownBlock2D");
        bool[] up = Attention(json, "up_block_types", ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], "UpBlock2D", "CrossAttnUpBlock2D");
        if (channels.Length is 0 or > 16)
            throw new ModelImportException(json.File, "block_out_channels", $"has {channels.Length} entries; 1 to 16 are expected.");
        if (down.Length != channels.Length || up.Length != channels.Length)
        {
            throw new ModelImportException(json.File, down.Length != channels.Length ? "down_block_types" : "up_block_types",
                $"has another number of entries than block_out_channels ({channels.Length}).");
        }

        // The property is called the channels of a head and holds the number of heads.
        string headsKey = json.Has("num_attention_heads") && !json.IsNull("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
        json.Ignore("num_attention_heads", "attention_head_dim");
        int[] heads = PerLevel(json, headsKey, 8, channels.Length), layers = PerLevel(json, "transformer_layers_per_block", 1, channels.Length);
        int groups = json.Integer("norm_num_groups", 32, 1, MaximumChannels);
        var (height, width) = Extent(json);
        int input = json.Integer("in_channels", 4, 1, 1024), output = json.Integer("out_channels", 4, 1, 1024);
        if (input != output) json.Refuse("out_channels", json.Raw("out_channels"), $"Supported: as many as in_channels ({input}).");

        var configuration = new UNetConfiguration
        {
            Height = height,
            Width = width,
            Channels = input,
            BlockChannels = channels,
            LayersPerBlock = json.Integer("layers_per_block", 2, 1, 64),
            DownAttention = down,
            UpAttention = up,
            MiddleAttention = true,
            HeadChannels = null,
            Groups = groups,
            MiddleAttentionGroups = groups,
            Epsilon = (float)json.Positive("norm_eps", 1e-5),
            MiddleScaleFactor = json.Positive("mid_block_scale_factor", 1),
            DownsamplePadding = json.Integer("downsample_padding", 1, 0, 1),
            FlipSinToCos = json.Flag("flip_sin_to_cos", true),
            FrequencyShift = json.Integer("freq_shift", 0, 0, 1),
            EmbeddingWidth = json.IntegerOrNull("time_embedding_dim", 1, MaximumChannels) ?? 4 * channels[0],
            Classes = 0,
            Cross = new(tokens, json.Integer("cross_attention_dim", 1280, 1, MaximumChannels), heads, layers),
        };
        configuration.Check(json);
        for (int level = 0; level < channels.Length; level++)
            if ((down[level] || up[channels.Length - 1 - level] || level == channels.Length - 1) && channels[level] % heads[level] != 0)
                json.Refuse(headsKey, json.Raw(headsKey), $"{heads[level]} heads do not divide the {channels[level]} channels of level {level}.");
        json.RejectUnknown();
        return configuration;
    }

    private static int[] PerLevel(ConfigurationReader json, string key, int absent, int levels)
    {
        int[] values = json.IsArray(key) ? json.Integers(key, [], 1, MaximumChannels) : [.. Enumerable.Repeat(json.Integer(key, absent, 1, MaximumChannels), levels)];
        return values.Length == levels ? values : throw new ModelImportException(json.File, key, $"has {values.Length} entries; one for each of the {levels} levels is expected.");
    }
}
