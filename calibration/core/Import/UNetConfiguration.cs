namespace Specializer.Calibration;

/// <summary>What <c>config.json</c> of a <c>UNet2DModel</c> or <c>UNet2DConditionModel</c> says, with that class's own defaults for absent properties.</summary>
internal sealed partial record UNetConfiguration
{
    /// <summary>Most rows, and most columns, of a state.</summary>
    public const int MaximumExtent = 4096;

    private const int MaximumChannels = 65536;

    public required int Height { get; init; }
    public required int Width { get; init; }
    public required int Channels { get; init; }
    /// <summary>Channels of the output: more than those of the input where the variance is predicted as well, fewer where the input holds a picture to be filled in.</summary>
    public required int OutputChannels { get; init; }
    /// <summary>Rows and columns of the first convolution's kernel: 3, or 1.</summary>
    public int InputKernel { get; init; } = 3;
    /// <summary>Those of the last.</summary>
    public int OutputKernel { get; init; } = 3;
    /// <summary>Whether x is taken to 2x − 1 first.</summary>
    public required bool CenterInput { get; init; }
    public required UNetLevels Levels { get; init; }
    public required UNetMiddle Middle { get; init; }
    public required int Groups { get; init; }
    public required float Epsilon { get; init; }
    /// <summary>Non-linearity of the residual blocks: a name of <see cref="Manifest.ActivationOperation.Functions"/>.</summary>
    public required string Activation { get; init; }
    /// <summary>Non-linearity between the last norm and convolution, and within the time embedding.</summary>
    public required string OuterActivation { get; init; }
    /// <summary>Whether timesteps scale and shift the second norm's output; otherwise they are added before it.</summary>
    public required bool ScaleShift { get; init; }
    /// <summary>1, or 0 for zeros to the right and below only.</summary>
    public required int DownsamplePadding { get; init; }
    public required bool FlipSinToCos { get; init; }
    public required int FrequencyShift { get; init; }
    public required int EmbeddingWidth { get; init; }
    /// <summary>Rows of a learned table of timesteps; null for sinusoids.</summary>
    public int? LearnedTimesteps { get; init; }
    /// <summary>Whether random frequencies, which are weights, of the timestep's logarithm take the place of sinusoids. The prediction is then divided by the timestep.</summary>
    public bool Fourier { get; init; }
    /// <summary>Numbers that the scale of guidance is to a network that was distilled to read it beside the timestep; 0 for one that reads none.</summary>
    public int GuidanceFeatures { get; init; }
    /// <summary>Labels, which are rows of a table; 0 for an unconditional network, and where a label is no row.</summary>
    public required int Classes { get; init; }
    /// <summary>Set where a label becomes an embedding in another way than as a row of a stored table.</summary>
    public ClassVector? ClassVector { get; init; }
    /// <summary>Whether the label's embedding stands behind the time's; otherwise it is added to it.</summary>
    public bool ConcatenatesClass { get; init; }
    /// <summary>Channels of an attention head; null for one head.</summary>
    public int? HeadChannels { get; init; }
    /// <summary>Set for a <c>UNet2DConditionModel</c>, whose attention blocks are transformers over a context.</summary>
    public CrossAttentionConfiguration? Cross { get; init; }
    /// <summary>Set where a text's summary and sizes are added to the time embedding (<c>text_time</c>).</summary>
    public AddedConditions? Added { get; init; }

    /// <summary>Whether the network reads a mask and the state of a masked picture beside its own; <see cref="Channels"/> are then those of the state alone.</summary>
    public bool ReadsMask { get; init; }

    /// <summary>Numbers that a timestep is to the first layer of its embedding.</summary>
    public int TimeFeatures => Fourier ? 2 * Levels.Channels[0] : Levels.Channels[0];

    /// <summary>Width of the embedding that residual blocks project.</summary>
    public int BlockWidth => ConcatenatesClass ? 2 * EmbeddingWidth : EmbeddingWidth;

    /// <summary>Whether labels or added conditions reach the residual blocks by operations of the network: the embedding's own form knows rows of a table and SiLU, and nothing of the timestep beside it.</summary>
    public bool EmbedsInNetwork => Added is not null || (Classes == 0 ? ClassVector is not null : Activation != "silu" || Fourier);

    /// <summary>What rows and columns of a state are multiples of: each level but the first halves the map, which doubles on the way up, and must then have the skip connection's size.
    /// A <c>UNet2DConditionModel</c> enlarges to that size; where its padding rounds half of an odd size up, that is twice without the last row or column, and any size is possible.</summary>
    public int Multiple => Cross is not null && DownsamplePadding == 1 ? 1 : 1 << (Levels.Count - 1);

    /// <summary>Reads the configuration of either class.</summary>
    /// <param name="json">Its <c>config.json</c>.</param>
    /// <param name="tokens">Tokens of the context of a <c>UNet2DConditionModel</c>.</param>
    /// <exception cref="ModelImportException">A value has another type or range than diffusers accepts.</exception>
    /// <exception cref="UnsupportedModelException">A value asks for arithmetic that is not implemented; all such values are named.</exception>
    public static UNetConfiguration Read(ConfigurationReader json, int tokens = DiffusersImporter.DefaultTokens)
    {
        json.Require("_class_name", "Supported: \"UNet2DModel\", \"UNet2DConditionModel\".", "\"UNet2DModel\"", "\"UNet2DConditionModel\"");
        // Another class gives every other property another meaning.
        json.ThrowIfRefused();
        UNetConfiguration configuration = json.Text("_class_name", "") == "UNet2DConditionModel" ? ReadConditional(json, tokens) : ReadUnconditional(json);
        configuration.Check(json);
        json.RejectUnknown();
        return configuration;
    }

    private void Check(ConfigurationReader json)
    {
        int[] levels = Levels.Channels;
        foreach (int channels in levels)
            if (channels % Groups != 0) throw new ModelImportException(json.File, "norm_num_groups", $"{Groups} groups do not divide a block's {channels} channels.");
        if (Middle is { Attention: true, AttentionGroups: { } groups } && levels[^1] % groups != 0)
            throw new ModelImportException(json.File, "attn_norm_num_groups", $"{groups} groups do not divide the {levels[^1]} channels of the middle block.");
        if (levels[0] % 2 != 0 || levels[0] / 2 <= FrequencyShift)
            json.Refuse("block_out_channels", json.Raw("block_out_channels"), "The first entry must be even and at least 4.");
        if (Height % Multiple != 0 || Width % Multiple != 0)
            json.Refuse("sample_size", json.Raw("sample_size"), $"It must be a multiple of {Multiple}: {levels.Length} levels halve it {levels.Length - 1} times (a UNet2DConditionModel with downsample_padding 1 takes any size). {PictureSize.Nearest(Height, Width, Multiple, MaximumExtent)}");
    }

    /// <summary>A label that is a number, or an embedding already, as both classes know it.</summary>
    private static ClassVector? ReadClassVector(ConfigurationReader json, int features, int width) => json.Raw(ClassVector.Key) switch
    {
        "\"timestep\"" => new(ClassVector.Timestep, features),
        "\"identity\"" => new(ClassVector.Identity, width),
        _ => null,
    };

    /// <summary>Rows of the label table: stored, or made of numbers. Vectors have none, whatever the property says.</summary>
    private static int ReadClasses(ConfigurationReader json, ClassVector? vector)
    {
        int classes = json.IntegerOrNull("num_class_embeds", 1, 1 << 20) ?? 0;
        return vector is null or { Type: ClassVector.Timestep } ? classes : 0;
    }

    private static string Function(ConfigurationReader json)
    {
        string name = json.Text("act_fn", "silu");
        if (name is not ("silu" or "swish" or "mish" or "gelu" or "relu")) json.Refuse("act_fn", json.Raw("act_fn"), "Supported: \"silu\" (also spelt \"swish\"), \"mish\", \"gelu\", \"relu\".");
        return name == "swish" ? "silu" : name;
    }

    private static bool ScalesAndShifts(ConfigurationReader json)
    {
        json.Require("resnet_time_scale_shift", "Supported: \"default\", \"scale_shift\".", "\"default\"", "\"scale_shift\"");
        return json.Text("resnet_time_scale_shift", "default") == "scale_shift";
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
}

/// <summary>What stands between the way down and the way up.</summary>
/// <param name="Residuals">Residual blocks: 0, 1 or 2.</param>
/// <param name="Attention">Whether attention follows the first.</param>
/// <param name="AttentionGroups">Groups of the norm before it; null for none.</param>
/// <param name="ScaleFactor">Divides the results.</param>
internal sealed record UNetMiddle(int Residuals, bool Attention, int? AttentionGroups, double ScaleFactor);
