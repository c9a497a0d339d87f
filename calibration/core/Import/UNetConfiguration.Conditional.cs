namespace Specializer.Calibration;

/// <summary>The transformers of a <c>UNet2DConditionModel</c>.</summary>
/// <param name="Tokens">Tokens of the context: fixed, because shapes are compiled in.</param>
/// <param name="Channels">Channels of a token.</param>
/// <param name="Heads">Heads, per level.</param>
/// <param name="Layers">Transformer layers of each attention.</param>
/// <param name="LinearProjection">Whether the projections around the layers are stored as linear layers.</param>
/// <param name="OnlyCross">Per level, whether the first attention of a layer, too, is over the context. In the middle it never is.</param>
internal sealed record CrossAttentionConfiguration(int Tokens, int Channels, int[] Heads, TransformerLayers Layers, bool LinearProjection, bool[] OnlyCross)
{
    /// <summary>So many of the channels, the last ones, come from a second text encoder.</summary>
    public int SecondChannels { get; init; }
}

/// <summary>What <c>text_time</c> adds to the time embedding: an MLP of a text's summary (the pooled embedding of Stable Diffusion XL) and of sinusoids of sizes, crops and the like.</summary>
/// <param name="Channels">Channels of the text's summary and of all sinusoids.</param>
/// <param name="TimeChannels">Channels of one number's sinusoids.</param>
internal sealed record AddedConditions(int Channels, int TimeChannels)
{
    /// <summary>The last of the channels, where they are known: the sinusoids of sizes that are compiled in.</summary>
    public float[] Known { get; init; } = [];
}

internal sealed partial record UNetConfiguration
{
    private const string ClassConcatenation = "class_embeddings_concat";

    private static UNetConfiguration ReadConditional(ConfigurationReader json, int tokens)
    {
        json.Require("mid_block_type", "Supported: \"UNetMidBlock2DCrossAttn\", \"UNetMidBlock2D\", null.", "\"UNetMidBlock2DCrossAttn\"", "\"UNetMidBlock2D\"", "null");
        json.Require("time_embedding_type", "Supported: \"positional\".", "\"positional\"");
        json.Require("dual_cross_attention", "Supported: false.", "false", "null");
        json.Require(ClassConcatenation, "Supported: true, false.", "true", "false", "null");
        json.Require(ClassVector.Key, "Supported: null, \"timestep\", \"identity\", \"projection\", \"simple_projection\".", "null", "\"timestep\"", "\"identity\"", "\"projection\"", "\"simple_projection\"");
        foreach (string key in (string[])["encoder_hid_dim", "encoder_hid_dim_type", "time_embedding_act_fn", "timestep_post_act"]) json.Require(key, "Supported: null.", "null", "false");

        json.Require("attention_type", "Supported: \"default\".", "\"default\"", "null");
        json.Require("addition_embed_type", "Supported: null, \"text_time\".", "null", "\"text_time\"");
        foreach (string key in (string[])["conv_in_kernel", "conv_out_kernel"]) json.Require(key, "Supported: 3, 1.", "3", "1");
        // Dropout does nothing at inference, and FP32 needs no upcast.
        json.Ignore("dropout", "upcast_attention", "addition_embed_type_num_heads", "addition_time_embed_dim", "projection_class_embeddings_input_dim");
        // Read by other types of block alone: ResnetDownsampleBlock2D, SimpleCrossAttnDownBlock2D and their like.
        json.Ignore("resnet_skip_time_act", "resnet_out_scale_factor", "cross_attention_norm", "mid_block_only_cross_attention");

        UNetLevels levels = UNetLevels.Read(json, [320, 640, 1280, 1280], ("DownBlock2D", "CrossAttnDownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D"), [false, false, false, true], resamplers: false);
        // The property is called the channels of a head and holds the number of heads.
        string headsKey = json.Has("num_attention_heads") && !json.IsNull("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
        json.Ignore("num_attention_heads", "attention_head_dim");
        int[] heads = UNetLevels.PerLevel(json, headsKey, 8, levels.Count);
        string middle = json.Has("mid_block_type") ? json.Raw("mid_block_type") : "\"UNetMidBlock2DCrossAttn\"";
        bool middleAttention = middle == "\"UNetMidBlock2DCrossAttn\"";
        int[] attending = [.. Enumerable.Range(0, levels.Count).Where(level => levels.DownAttention[level] || levels.UpAttention[^(level + 1)] || (level == levels.Count - 1 && middleAttention))];
        foreach (int level in attending)
        {
            if (levels.Channels[level] % heads[level] != 0)
                json.Refuse(headsKey, json.Raw(headsKey), $"{heads[level]} heads do not divide the {levels.Channels[level]} channels of level {level}.");
        }

        int[] given = UNetLevels.PerLevel(json, "cross_attention_dim", 1280, levels.Count), context = [.. attending.Select(level => given[level]).Distinct()];
        if (context.Length > 1) json.Refuse("cross_attention_dim", json.Raw("cross_attention_dim"), "Supported: one number of channels for all levels with attention, since all read one context.");
        AddedConditions? added = json.Raw("addition_embed_type") == "\"text_time\"" ? ReadAdded(json) : null;
        int embeddingWidth = json.IntegerOrNull("time_embedding_dim", 1, MaximumChannels) ?? 4 * levels.Channels[0];
        ClassVector? vector = ReadClassVector(json, levels.Channels[0], embeddingWidth) ?? ReadProjectedVector(json);
        int classes = ReadClasses(json, vector);
        bool concatenates = json.Raw(ClassConcatenation) == "true";
        if (concatenates && (added is not null || (classes == 0 && vector is null)))
            json.Refuse(ClassConcatenation, "true", "There must be labels (num_class_embeds or class_embed_type), and no added conditions (addition_embed_type).");

        int groups = json.Integer("norm_num_groups", 32, 1, MaximumChannels);
        string function = Function(json);
        var (height, width) = Extent(json);
        return new()
        {
            Height = height,
            Width = width,
            Channels = json.Integer("in_channels", 4, 1, 1024),
            OutputChannels = json.Integer("out_channels", 4, 1, 1024),
            CenterInput = json.Flag("center_input_sample", false),
            Levels = levels,
            Middle = new(middleAttention ? 2 : middle == "null" ? 0 : 1, middleAttention, groups, json.Positive("mid_block_scale_factor", 1)),
            Groups = groups,
            Epsilon = (float)json.Positive("norm_eps", 1e-5),
            Activation = function,
            OuterActivation = function,
            ScaleShift = ScalesAndShifts(json),
            DownsamplePadding = json.Integer("downsample_padding", 1, 0, 1),
            FlipSinToCos = json.Flag("flip_sin_to_cos", true),
            FrequencyShift = json.Integer("freq_shift", 0, 0, 1),
            EmbeddingWidth = embeddingWidth,
            Classes = classes,
            ClassVector = vector,
            ConcatenatesClass = concatenates,
            InputKernel = json.Raw("conv_in_kernel") == "1" ? 1 : 3,
            OutputKernel = json.Raw("conv_out_kernel") == "1" ? 1 : 3,
            GuidanceFeatures = json.IntegerOrNull("time_cond_proj_dim", 4, MaximumChannels) ?? 0,
            Cross = new(tokens, context.Length > 0 ? context[0] : given[0], heads, TransformerLayers.Read(json, levels), json.Flag("use_linear_projection", false), UNetLevels.FlagPerLevel(json, "only_cross_attention", levels.Count)),
            Added = added,
        };
    }

    private static AddedConditions ReadAdded(ConfigurationReader json)
    {
        int time = json.IntegerOrNull("addition_time_embed_dim", 2, MaximumChannels) ?? throw Missing(json, "addition_time_embed_dim", "added conditions of type \"text_time\" need");
        int all = ReadProjected(json, "added conditions of type \"text_time\" need");
        return time % 2 == 0 ? new(all, time) : throw new ModelImportException(json.File, "addition_time_embed_dim", $"is {time}; sines and cosines need an even number.");
    }

    private static ClassVector? ReadProjectedVector(ConfigurationReader json) => json.Raw(ClassVector.Key) switch
    {
        "\"projection\"" => new(ClassVector.Projection, ReadProjected(json, "class_embed_type \"projection\" needs")),
        "\"simple_projection\"" => new(ClassVector.SimpleProjection, ReadProjected(json, "class_embed_type \"simple_projection\" needs")),
        _ => null,
    };

    private static int ReadProjected(ConfigurationReader json, string what) =>
        json.IntegerOrNull("projection_class_embeddings_input_dim", 1, MaximumChannels) ?? throw Missing(json, "projection_class_embeddings_input_dim", what);

    private static ModelImportException Missing(ConfigurationReader json, string key, string what) => new(json.File, key, $"{what} this number. config.json is incomplete; download it again.");
}
