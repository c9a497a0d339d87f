using System.Globalization;
using System.Text.Json.Nodes;

namespace Specializer.Calibration.Conversion;

/// <summary>The levels of a U-Net in CompVis's layout, read off the extents of its tensors.</summary>
internal sealed class CompVisUNet
{
    private readonly bool[] _down, _up;

    /// <param name="shapes">Its tensors, without the prefix.</param>
    public CompVisUNet(Dictionary<string, long[]> shapes)
    {
        Shapes = shapes;
        int blocks = 1;
        while (Has($"input_blocks.{blocks}.0.")) blocks++;
        int first = 1;
        while (first < blocks && !shapes.ContainsKey(Invariant($"input_blocks.{first}.0.op.weight"))) first++;
        Layers = Math.Max(1, first - 1);
        int levels = Math.Max(1, blocks / (Layers + 1));
        Channels = [.. Enumerable.Range(0, levels).Select(level => (int)Extent(Invariant($"input_blocks.{1 + level * (Layers + 1)}.0.out_layers.3.weight"), 0))];
        _down = [.. Enumerable.Range(0, levels).Select(level => Has($"input_blocks.{1 + level * (Layers + 1)}.1."))];
        _up = [.. Enumerable.Range(0, levels).Select(block => Has($"output_blocks.{block * (Layers + 1)}.1.norm."))];
    }

    public Dictionary<string, long[]> Shapes { get; }

    /// <summary>Residual blocks of a level on the way down.</summary>
    public int Layers { get; }

    /// <summary>Of each level.</summary>
    public int[] Channels { get; }

    /// <summary>Transformer layers of an attention, per level; 1 for levels without.</summary>
    public IEnumerable<int> Transformers => Channels.Select((_, level) => Math.Max(1, level == Channels.Length - 1 ? Blocks("middle_block.1") : Blocks(Invariant($"input_blocks.{1 + level * (Layers + 1)}.1"))));

    /// <summary>Channels of what is added to the time embedding beside a timestep (Stable Diffusion XL).</summary>
    public long AddedChannels => Extent("label_emb.0.0.weight", 1);

    public bool HasAttention => Has($"middle_block.1.norm.");

    /// <summary>Its <c>config.json</c>, without the heads.</summary>
    /// <param name="size">Rows and columns of its input, which no tensor shows.</param>
    public JsonObject Configuration(int size)
    {
        string? context = Shapes.Keys.FirstOrDefault(k => k.EndsWith("attn2.to_k.weight", StringComparison.Ordinal)), projection = Shapes.Keys.FirstOrDefault(k => k.EndsWith(".proj_in.weight", StringComparison.Ordinal));
        bool conditional = context is not null;
        string attention = conditional ? "CrossAttn" : "Attn";
        var json = new JsonObject
        {
            ["_class_name"] = conditional ? "UNet2DConditionModel" : "UNet2DModel", ["act_fn"] = "silu", ["block_out_channels"] = new JsonArray([.. Channels.Select(c => (JsonNode?)c)]),
            ["down_block_types"] = new JsonArray([.. _down.Select(a => (JsonNode?)$"{(a ? attention : "")}DownBlock2D")]), ["downsample_padding"] = 1, ["flip_sin_to_cos"] = true, ["freq_shift"] = 0,
            ["in_channels"] = Extent("input_blocks.0.0.weight", 1), ["layers_per_block"] = Layers, ["mid_block_scale_factor"] = 1, ["norm_eps"] = JsonNode.Parse("1e-05"), ["norm_num_groups"] = 32,
            ["out_channels"] = Extent("out.2.weight", 0), ["sample_size"] = size, ["up_block_types"] = new JsonArray([.. _up.Select(a => (JsonNode?)$"{(a ? attention : "")}UpBlock2D")]),
        };
        if (!conditional) return json;
        json["cross_attention_dim"] = Extent(context!, 1);
        if (projection is not null && Shapes[projection].Length == 2) json["use_linear_projection"] = true;
        return json;
    }

    private int Blocks(string attention)
    {
        string start = $"{attention}.transformer_blocks.";
        return Shapes.Keys.Where(k => k.StartsWith(start, StringComparison.Ordinal)).Select(k => k[start.Length..].Split('.')[0]).Distinct().Count();
    }

    private bool Has(FormattableString prefix)
    {
        string start = Invariant(prefix);
        return Shapes.Keys.Any(k => k.StartsWith(start, StringComparison.Ordinal));
    }

    // What is missing is named by the importer, which needs a number here.
    private long Extent(string key, int axis) => Shapes.TryGetValue(key, out long[]? shape) && shape.Length > axis ? shape[axis] : 32;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
