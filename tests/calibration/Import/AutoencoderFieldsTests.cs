using System.Text;

namespace Specializer.Calibration.Tests;

/// <summary>Fields of an autoencoder's <c>config.json</c>: what is left out equals what changes nothing, and what is not computed is refused.</summary>
public class AutoencoderFieldsTests
{
    private const int Latents = 4, Size = 4;

    [Theory]
    [InlineData("AutoencoderKL", "use_post_quant_conv", false)]
    [InlineData("AutoencoderKL", "use_quant_conv", true)]
    [InlineData("AutoencoderKL", "mid_block_add_attention", false)]
    [InlineData("AutoencoderKL", "mid_block_add_attention", true)]
    [InlineData("VQModel", "mid_block_add_attention", false)]
    [InlineData("VQModel", "mid_block_add_attention", true)]
    public void What_is_left_out_is_what_changes_nothing(string type, string field, bool encodes)
    {
        Dictionary<string, float[]> tensors = [];
        ImportedNetwork whole = Import(type, "", encodes, tensors);
        string half = encodes ? "encoder" : "decoder";
        string[] without = [.. field.StartsWith("use", StringComparison.Ordinal) ? [$"{(encodes ? "" : "post_")}quant_conv."] : (string[])[$"{half}.mid_block.attentions.0."]];
        foreach (string name in tensors.Keys.Where(n => n.StartsWith(without[0], StringComparison.Ordinal)).ToArray())
        {
            // 1×1: each channel itself. Attention: nothing is added.
            int channels = encodes ? 2 * Latents : Latents;
            if (name.EndsWith("quant_conv.weight", StringComparison.Ordinal)) tensors[name] = [.. Enumerable.Range(0, channels * channels).Select(i => i / channels == i % channels ? 1f : 0)];
            else if (name.Contains("quant_conv", StringComparison.Ordinal) || name.Contains(".to_out.", StringComparison.Ordinal)) tensors[name] = new float[tensors[name].Length];
        }

        ImportedNetwork less = Import(type, $", \"{field}\": false", encodes, tensors);
        Assert.True(less.Parameters < whole.Parameters);
        float[] input = Numbers(2, whole.InputElements), expected = NetworkRun.Evaluate(whole, input, 1), actual = NetworkRun.Evaluate(less, input, 1);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-6);
        Assert.True(expected.Max() - expected.Min() > 1e-2);
    }

    [Theory]
    [InlineData("VQModel", "lookup_from_codebook", "true")]
    [InlineData("VQModel", "norm_type", "\"spatial\"")]
    [InlineData("VQModel", "vq_embed_dim", "8")]
    [InlineData("AutoencoderKL", "shift_factor", "0.0609")]
    [InlineData("AutoencoderKL", "act_fn", "\"mish\"")]
    [InlineData("AutoencoderKL", "out_channels", "4")]
    public void What_is_not_computed_is_refused_by_key_and_value(string type, string key, string value)
    {
        var e = Assert.Throws<UnsupportedModelException>(() => Read(type, $", \"{key}\": {value}"));
        Assert.Equal((key, value), (e.Key, e.Value));
    }

    /// <summary>Pipelines then move and scale latents by channel; a decoder by itself does not.</summary>
    [Theory]
    [InlineData("latents_mean")]
    [InlineData("latents_std")]
    public void Latents_of_which_each_channel_is_scaled_are_refused_in_a_pipeline(string key)
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace("vae/config.json", "\"scaling_factor\"", $"\"{key}\": null, \"scaling_factor\"");
        Assert.NotNull(PipelineImporter.Load(pipeline.Root).Decoder);
        pipeline.Replace("vae/config.json", $"\"{key}\": null", $"\"{key}\": [1, 2, 3, 4]");
        Assert.Equal(key, Assert.Throws<UnsupportedModelException>(() => PipelineImporter.Load(pipeline.Root)).Key);
        Assert.Empty(ModelInspection.Of(pipeline.File("vae")).Refused);
    }

    private static AutoencoderConfiguration Read(string type, string more) => AutoencoderConfiguration.Read(ConfigurationReader.Parse("config.json", Encoding.UTF8.GetBytes($$"""
        {"_class_name": "{{type}}", "block_out_channels": [8, 8], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"],
         "layers_per_block": 1, "norm_num_groups": 4, "latent_channels": {{Latents}}{{(type == "VQModel" ? ", \"num_vq_embeddings\": 16" : "")}}{{more}}}
        """)));

    /// <param name="type">Class.</param>
    /// <param name="more">Further properties.</param>
    /// <param name="encodes">Which half.</param>
    /// <param name="tensors">By name; receives what it lacks, at random.</param>
    private static ImportedNetwork Import(string type, string more, bool encodes, Dictionary<string, float[]> tensors)
    {
        AutoencoderConfiguration configuration = Read(type, more);
        SourceTensors none = SourceTensors.None();
        Half(none);
        foreach (var (name, shape) in none.Asked)
            if (!tensors.ContainsKey(name)) tensors.Add(name, [.. Numbers(tensors.Count, shape.Aggregate(1, (a, b) => a * b)).Select(v => v / MathF.Sqrt(shape.Skip(1).Aggregate(1, (a, b) => a * b)))]);
        return Half(new("weights", none.Asked.ToDictionary(t => t.Key, t => Array.ConvertAll(t.Value, e => (long)e)), name => tensors[name]));

        ImportedNetwork Half(SourceTensors source) =>
            encodes ? AutoencoderImporter.Encoder(configuration, source, 2 * Size, 2 * Size) : AutoencoderImporter.Decoder(configuration, source, Size, Size);
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
