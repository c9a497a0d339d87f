namespace Specializer.Calibration;

internal sealed partial record UNetConfiguration
{
    private static UNetConfiguration ReadUnconditional(ConfigurationReader json)
    {
        json.Require("time_embedding_type", "Supported: \"positional\", \"fourier\", \"learned\".", "\"positional\"", "\"fourier\"", "\"learned\"");
        json.Require(ClassVector.Key, "Supported: null, \"timestep\", \"identity\".", "null", "\"timestep\"", "\"identity\"");
        json.Require("mid_block_type", "Supported: \"UNetMidBlock2D\", null.", "\"UNetMidBlock2D\"", "null");
        // Dropout does nothing at inference; the training length matters to learned time embeddings only.
        json.Ignore("dropout", "num_train_timesteps");

        UNetLevels levels = UNetLevels.Read(json, [224, 448, 672, 896], ("DownBlock2D", "AttnDownBlock2D"), ("UpBlock2D", "AttnUpBlock2D"), [true, false, false, false], resamplers: true);
        int groups = json.Integer("norm_num_groups", 32, 1, MaximumChannels);
        int? headChannels = json.Has("attention_head_dim") ? json.IntegerOrNull("attention_head_dim", 1, MaximumChannels) : 8;
        bool scaleShift = ScalesAndShifts(json), middleAttention = json.Flag("add_attention", true);
        // Without groups of its own, the middle attention behind scaled and shifted norms has no norm.
        int? middleGroups = json.IntegerOrNull("attn_norm_num_groups", 1, MaximumChannels) ?? (scaleShift ? null : groups);
        bool hasMiddle = !json.Has("mid_block_type") || !json.IsNull("mid_block_type");
        if (headChannels is { } head && (levels.DownAttention.Contains(true) || levels.UpAttention.Contains(true) || middleAttention))
        {
            foreach (int channels in levels.Channels.Where(c => c % head != 0))
                json.Refuse("attention_head_dim", json.Raw("attention_head_dim"), $"It must divide the {channels} channels of every block.");
        }

        int? learned = json.Text("time_embedding_type", "positional") != "learned" ? null
            : json.IntegerOrNull("num_train_timesteps", 1, 1 << 20) ?? throw new ModelImportException(json.File, "num_train_timesteps", "a learned time embedding needs the number of its rows.");
        bool fourier = json.Text("time_embedding_type", "positional") == "fourier";
        int embeddingWidth = json.IntegerOrNull("time_embedding_dim", 1, MaximumChannels) ?? 4 * levels.Channels[0];
        ClassVector? vector = ReadClassVector(json, fourier ? 2 * levels.Channels[0] : levels.Channels[0], embeddingWidth);
        int classes = ReadClasses(json, vector);
        if (vector is not null && classes > learned)
            throw new ModelImportException(json.File, "num_class_embeds", $"{classes} labels are looked up in the table of timesteps, which has {learned} rows (num_train_timesteps).");
        var (height, width) = Extent(json);
        return new()
        {
            Height = height,
            Width = width,
            Channels = json.Integer("in_channels", 3, 1, 1024),
            OutputChannels = json.Integer("out_channels", 3, 1, 1024),
            CenterInput = json.Flag("center_input_sample", false),
            Levels = levels,
            Middle = new(hasMiddle ? 2 : 0, hasMiddle && middleAttention, middleGroups, json.Positive("mid_block_scale_factor", 1)),
            Groups = groups,
            Epsilon = (float)json.Positive("norm_eps", 1e-5),
            Activation = Function(json),
            // Fixed in the source library, whatever act_fn says.
            OuterActivation = "silu",
            ScaleShift = scaleShift,
            DownsamplePadding = json.Integer("downsample_padding", 1, 0, 1),
            FlipSinToCos = json.Flag("flip_sin_to_cos", true),
            FrequencyShift = json.Integer("freq_shift", 0, 0, 1),
            EmbeddingWidth = embeddingWidth,
            LearnedTimesteps = learned,
            Fourier = fourier,
            Classes = classes,
            ClassVector = vector,
            HeadChannels = headChannels,
        };
    }
}
