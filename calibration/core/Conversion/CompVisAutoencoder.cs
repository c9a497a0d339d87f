using System.Globalization;
using System.Text.Json.Nodes;

namespace Specializer.Calibration.Conversion;

/// <summary>An autoencoder in CompVis's layout, read off the extents of its tensors.</summary>
internal sealed class CompVisAutoencoder
{
    private readonly Dictionary<string, long[]> _shapes;
    private readonly int _layers;

    /// <param name="shapes">Its tensors, without the prefix.</param>
    public CompVisAutoencoder(Dictionary<string, long[]> shapes)
    {
        _shapes = shapes;
        while (shapes.ContainsKey(Block(Levels, 0))) Levels++;
        while (shapes.ContainsKey(Block(0, _layers))) _layers++;
        Codes = shapes.TryGetValue("quantize.embedding.weight", out long[]? codes) ? codes[0] : 0;
    }

    /// <summary>Of either half.</summary>
    public int Levels { get; }

    /// <summary>Rows of the codebook; 0 for a variational one.</summary>
    public long Codes { get; }

    /// <summary>Its <c>config.json</c>.</summary>
    /// <param name="factor">What latents are multiplied by before they are denoised.</param>
    public JsonObject Configuration(double factor)
    {
        JsonArray Blocks(string type) => new([.. Enumerable.Repeat(type, Math.Max(1, Levels)).Select(t => (JsonNode?)t)]);
        var json = new JsonObject
        {
            ["_class_name"] = Codes > 0 ? "VQModel" : "AutoencoderKL", ["act_fn"] = "silu",
            ["block_out_channels"] = new JsonArray([.. Enumerable.Range(0, Math.Max(1, Levels)).Select(level => (JsonNode?)Extent(Block(level, 0), 0, 32))]), ["down_block_types"] = Blocks("DownEncoderBlock2D"),
            ["in_channels"] = Extent("encoder.conv_in.weight", 1, 3), ["latent_channels"] = Extent("post_quant_conv.weight", 0, 4), ["layers_per_block"] = Math.Max(1, _layers), ["norm_num_groups"] = 32,
            ["out_channels"] = Extent("decoder.conv_out.weight", 0, 3), ["scaling_factor"] = factor, ["up_block_types"] = Blocks("UpDecoderBlock2D"),
        };
        if (Codes > 0) json["num_vq_embeddings"] = Codes;
        return json;
    }

    private static string Block(int level, int layer) => string.Create(CultureInfo.InvariantCulture, $"encoder.down.{level}.block.{layer}.conv2.weight");

    // What is missing is named by the importer, which needs a number here.
    private long Extent(string key, int axis, long absent) => _shapes.TryGetValue(key, out long[]? shape) && shape.Length > axis ? shape[axis] : absent;
}
