namespace Specializer.Calibration;

/// <summary>What <c>config.json</c> of a <c>UNet2DModel</c> says, with that class's own defaults for absent properties.</summary>
internal sealed partial record UNetConfiguration
{
    private const int MaximumExtent = 4096, MaximumChannels = 65536;

    public required int Height { get; init; }
    public required int Width { get; init; }
    public required int Channels { get; init; }
    public required int[] BlockChannels { get; init; }
    public required int LayersPerBlock { get; init; }
    /// <summary>Per down block, whether its layers end in attention.</summary>
    public required bool[] DownAttention { get; init; }
    /// <summary>Per up block, whether its layers end in attention.</summary>
    public required bool[] UpAttention { get; init; }
    public required bool MiddleAttention { get; init; }
    /// <summary>Channels of an attention head; null for one head.</summary>
    public required int? HeadChannels { get; init; }
    public required int Groups { get; init; }
    public required int MiddleAttentionGroups { get; init; }
    public required float Epsilon { get; init; }
    public required double MiddleScaleFactor { get; init; }
    /// <summary>1, or 0 for zeros to the right and below only.</summary>
    public required int DownsamplePadding { get; init; }
    public required bool FlipSinToCos { get; init; }
    public required int FrequencyShift { get; init; }
    public required int EmbeddingWidth { get; init; }
    /// <summary>Rows of the label table; 0 for an unconditional network.</summary>
    public required int Classes { get; init; }

    /// <summary>Set for a <c>UNet2DConditionModel</c>, whose attention blocks are transformers over a context.</summary>
    public CrossAttentionConfiguration? Cross { get; init; }

    /// <exception cref="ModelImportException">A value has another type or range than diffusers accepts.</exception>
    /// <exception cref="UnsupportedModelException">A value asks for arithmetic that is not implemented.</exception>
    public static UNetConfiguration Read(ConfigurationReader json)
    {
        json.Require("_class_name", "Supported: \"UNet2DModel\", \"UNet2DConditionModel\".", "\"UNet2DModel\"");
        // Another class gives every other property another meaning.
        json.ThrowIfRefused();
        json.Require("center_input_sample", "Supported: false.", "false");
        json.Require("time_embedding_type", "Supported: \"positional\".", "\"positional\"");
        json.Require("resnet_time_scale_shift", "Supported: \"default\".", "\"default\"");
        json.Require("act_fn", "Supported: \"silu\" (also spelt \"swish\").", "\"silu\"", "\"swish\"");
        json.Require("class_embed_type", "Supported: null, with num_class_embeds for a label table.", "null");
        json.Require("mid_block_type", "Supported: \"UNetMidBlock2D\".", "\"UNetMidBlock2D\"");
        // Dropout does nothing at inference; the training length matters to learned time embeddings only.
        json.Ignore("dropout", "num_train_timesteps");

        int[] channels = json.Integers("block_out_channels", [224, 448, 672, 896], 1, MaximumChannels);
        bool[] down = Attention(json, "down_block_types", ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"], "DownBlock2D", "AttnDownBlock2D");
        bool[] up = Attention(json, "up_block_types", ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"], "UpBlock2D", "AttnUpBlock2D");
        if (channels.Length == 0 || channels.Length > 16)
            throw new ModelImportException(json.File, "block_out_channels", $"has {channels.Length} entries; 1 to 16 are expected.");
        if (down.Length != channels.Length || up.Length != channels.Length)
            throw new ModelImportException(json.File, down.Length != channels.Length ? "down_block_types" : "up_block_types",
                $"has another number of entries than block_out_channels ({channels.Length}).");
        // Blocks without attention always resample by convolution, whatever these two say.
        if (down.Contains(true)) json.Require("downsample_type", "Supported: \"conv\".", "\"conv\"", "null");
        if (up.Contains(true)) json.Require("upsample_type", "Supported: \"conv\".", "\"conv\"", "null");
        json.Ignore("downsample_type", "upsample_type");

        int groups = json.Integer("norm_num_groups", 32, 1, MaximumChannels);
        var (height, width) = Extent(json);
        int input = json.Integer("in_channels", 3, 1, 1024);
        int output = json.Integer("out_channels", 3, 1, 1024);
        if (input != output)
        {
            json.Refuse("out_channels", json.Raw("out_channels"),
                $"Supported: as many as in_channels ({input}). A network that also predicts its variance is not supported.");
        }

        var configuration = new UNetConfiguration
        {
            Height = height,
            Width = width,
            Channels = input,
            BlockChannels = channels,
            LayersPerBlock = json.Integer("layers_per_block", 2, 1, 64),
            DownAttention = down,
            UpAttention = up,
            MiddleAttention = json.Flag("add_attention", true),
            HeadChannels = json.Has("attention_head_dim") ? json.IntegerOrNull("attention_head_dim", 1, MaximumChannels) : 8,
            Groups = groups,
            MiddleAttentionGroups = json.IntegerOrNull("attn_norm_num_groups", 1, MaximumChannels) ?? groups,
            Epsilon = (float)json.Positive("norm_eps", 1e-5),
            MiddleScaleFactor = json.Positive("mid_block_scale_factor", 1),
            DownsamplePadding = json.Integer("downsample_padding", 1, 0, 1),
            FlipSinToCos = json.Flag("flip_sin_to_cos", true),
            FrequencyShift = json.Integer("freq_shift", 0, 0, 1),
            EmbeddingWidth = json.IntegerOrNull("time_embedding_dim", 1, MaximumChannels) ?? 4 * channels[0],
            Classes = json.IntegerOrNull("num_class_embeds", 1, 1 << 20) ?? 0,
        };
        configuration.Check(json);
        json.RejectUnknown();
        return configuration;
    }

    private void Check(ConfigurationReader json)
    {
        foreach (int channels in BlockChannels)
        {
            if (channels % Groups != 0)
                throw new ModelImportException(json.File, "norm_num_groups", $"{Groups} groups do not divide a block's {channels} channels.");
            if (HeadChannels is { } head && (DownAttention.Contains(true) || UpAttention.Contains(true) || MiddleAttention) && channels % head != 0)
                json.Refuse("attention_head_dim", json.Raw("attention_head_dim"), $"It must divide the {channels} channels of every block.");
        }

        if (MiddleAttention && BlockChannels[^1] % MiddleAttentionGroups != 0)
            throw new ModelImportException(json.File, "attn_norm_num_groups", $"{MiddleAttentionGroups} groups do not divide the {BlockChannels[^1]} channels of the middle block.");
        if (BlockChannels[0] % 2 != 0 || BlockChannels[0] / 2 <= FrequencyShift)
            json.Refuse("block_out_channels", json.Raw("block_out_channels"), "The first entry must be even and at least 4.");
        // Each level halves the map, rounding as the convolution does; on the way up it doubles, and must meet the skip connection's size.
        int alignment = 1 << (BlockChannels.Length - 1);
        if (Height % alignment != 0 || Width % alignment != 0)
            json.Refuse("sample_size", json.Raw("sample_size"), $"It must be a multiple of {alignment}: {BlockChannels.Length} levels halve it {BlockChannels.Length - 1} times.");
    }

    private static (int Height, int Width) Extent(ConfigurationReader json)
    {
        if (!json.Has("sample_size") || json.IsNull("sample_size"))
        {
            json.Refuse("sample_size", "null", "Shapes are compiled in: set the size of an image, e.g. \"sample_size\": 32.");
            return default;
        }

        if (!json.IsArray("sample_size"))
        {
            int size = json.Integer("sample_size", 0, 1, MaximumExtent);
            return (size, size);
        }

        return json.Integers("sample_size", [], 1, MaximumExtent) is [var height, var width]
            ? (height, width)
            : throw new ModelImportException(json.File, "sample_size", "an array must hold height and width.");
    }

    private static bool[] Attention(ConfigurationReader json, string key, string[] absent, string plain, string attention)
    {
        string[] types = json.Texts(key, absent);
        foreach (string type in types)
        {
            if (type != plain && type != attention)
                json.Refuse(key, $"\"{type}\"", $"Supported: \"{plain}\", \"{attention}\".");
        }

        return [.. types.Select(t => t == attention)];
    }
}
