namespace Specializer.Calibration;

/// <summary>The levels of a U-Net: the first has the image's size, each further one half of it.</summary>
internal sealed record UNetLevels
{
    // More would halve the largest state to less than a pixel.
    private const int Maximum = 13;
    private const int MaximumChannels = 65536;
    private const string ResidualDownBlock = "ResnetDownsampleBlock2D", ResidualUpBlock = "ResnetUpsampleBlock2D";

    /// <summary>Channels of each level.</summary>
    public required int[] Channels { get; init; }
    /// <summary>Layers of each level on the way down; on the way up there is one more.</summary>
    public required int[] Layers { get; init; }
    /// <summary>Per level on the way down, whether its layers end in attention.</summary>
    public required bool[] DownAttention { get; init; }
    /// <summary>Per block on the way up, the smallest maps first, whether its layers end in attention.</summary>
    public required bool[] UpAttention { get; init; }
    /// <summary>Per level, whether residual blocks halve the map behind it; otherwise a convolution does.</summary>
    public required bool[] ResidualDown { get; init; }
    /// <summary>Per block on the way up, whether residual blocks double the map behind it; otherwise a convolution does.</summary>
    public required bool[] ResidualUp { get; init; }

    public int Count => Channels.Length;

    /// <summary>Reads both directions' block types, channels and layers.</summary>
    /// <param name="json">The model's configuration.</param>
    /// <param name="absent">Channels where none are given.</param>
    /// <param name="down">Type of a block on the way down without attention, and with it.</param>
    /// <param name="up">The same of the way up.</param>
    /// <param name="plainDown">Per level, whether an absent list has the type without attention.</param>
    /// <param name="resamplers">Whether <c>downsample_type</c> and <c>upsample_type</c> exist, and blocks without attention that residual blocks resample behind.</param>
    public static UNetLevels Read(ConfigurationReader json, int[] absent, (string Plain, string Attention) down, (string Plain, string Attention) up, bool[] plainDown, bool resamplers)
    {
        int[] channels = json.Integers("block_out_channels", absent, 1, MaximumChannels);
        if (channels.Length is 0 or > Maximum)
            throw new ModelImportException(json.File, "block_out_channels", $"has {channels.Length} entries; 1 to {Maximum} are expected.");
        string[] downTypes = Types(json, "down_block_types", [.. plainDown.Select(p => p ? down.Plain : down.Attention)], [down.Plain, down.Attention, .. resamplers ? (string[])[ResidualDownBlock] : []], channels.Length);
        string[] upTypes = Types(json, "up_block_types", [.. plainDown.Reverse().Select(p => p ? up.Plain : up.Attention)], [up.Plain, up.Attention, .. resamplers ? (string[])[ResidualUpBlock] : []], channels.Length);
        bool[] downAttention = [.. downTypes.Select(t => t == down.Attention)], upAttention = [.. upTypes.Select(t => t == up.Attention)];
        // Of blocks with attention alone these two say how they resample.
        bool downResidual = resamplers && Resampler(json, "downsample_type", downAttention), upResidual = resamplers && Resampler(json, "upsample_type", upAttention);
        return new()
        {
            Channels = channels,
            Layers = PerLevel(json, "layers_per_block", 2, channels.Length, 64),
            DownAttention = downAttention,
            UpAttention = upAttention,
            ResidualDown = [.. downTypes.Select(t => t == ResidualDownBlock || (t == down.Attention && downResidual))],
            ResidualUp = [.. upTypes.Select(t => t == ResidualUpBlock || (t == up.Attention && upResidual))],
        };
    }

    /// <summary>One number for all levels, or a list of one for each.</summary>
    public static int[] PerLevel(ConfigurationReader json, string key, int absent, int levels, int maximum = MaximumChannels)
    {
        int[] values = json.IsArray(key) ? json.Integers(key, [], 1, maximum) : [.. Enumerable.Repeat(json.Integer(key, absent, 1, maximum), levels)];
        return values.Length == levels ? values : throw OtherLength(json, key, values.Length, levels);
    }

    /// <summary>True or false for all levels, or a list of one for each; false where it is null or absent.</summary>
    public static bool[] FlagPerLevel(ConfigurationReader json, string key, int levels)
    {
        bool[] values = json.IsArray(key) ? json.Flags(key) : [.. Enumerable.Repeat(!json.IsNull(key) && json.Flag(key, false), levels)];
        return values.Length == levels ? values : throw OtherLength(json, key, values.Length, levels);
    }

    private static ModelImportException OtherLength(ConfigurationReader json, string key, int length, int levels) =>
        new(json.File, key, $"has {length} entries; one for each of the {levels} levels is expected.");

    private static string[] Types(ConfigurationReader json, string key, string[] absent, string[] known, int levels)
    {
        string[] types = json.Texts(key, absent);
        foreach (string type in types.Except(known)) json.Refuse(key, $"\"{type}\"", $"Supported: {string.Join(", ", known.Select(k => $"\"{k}\""))}.");
        return types.Length == levels ? types
            : throw new ModelImportException(json.File, key, $"has another number of entries than block_out_channels ({levels}).");
    }

    private static bool Resampler(ConfigurationReader json, string key, bool[] attention)
    {
        json.Ignore(key);
        if (!attention.Contains(true)) return false;
        json.Require(key, "Supported: \"conv\", \"resnet\".", "\"conv\"", "\"resnet\"", "null");
        return json.Raw(key) == "\"resnet\"";
    }
}
