namespace Specializer.Calibration.Tests;

/// <summary>Properties of <c>UNet2DConditionModel</c> that few published models have.</summary>
public class ConditionalNetworkTests
{
    private const int Wide = 8, Size = 4, Channels = 6, Tokens = 2;

    /// <summary>Over tokens that are all alike, attention gives their value, whatever the scores: the first attentions of the levels then add one vector to every pixel.</summary>
    [Fact]
    public void First_attentions_over_the_context_read_it()
    {
        SyntheticNetwork network = new(Configuration("\"only_cross_attention\": [false, true]"), Tokens), folded = new(Configuration(""), Tokens, like: network);
        float[] token = Numbers(2, Channels), x = Numbers(1, Size * Size), context = [.. token, .. token];
        string[] weights = [.. network.Names("attn1.to_v.weight").Where(name => !name.StartsWith("mid_block", StringComparison.Ordinal))];
        Assert.Equal(3, weights.Length);
        foreach (string name in weights)
        {
            string result = name.Replace("to_v.weight", "to_out.0", StringComparison.Ordinal);
            double[] value = [.. network[name].Chunk(Channels).Select(row => row.Zip(token, (w, t) => (double)w * t).Sum())];
            folded[$"{result}.weight"] = new float[Wide * Wide];
            folded[$"{result}.bias"] = [.. network[$"{result}.weight"].Chunk(Wide).Zip(network[$"{result}.bias"], (row, b) => (float)(b + row.Zip(value, (w, v) => w * v).Sum()))];
        }

        float[] expected = folded.Evaluate(20, x, context), actual = network.Evaluate(20, x, context);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max(), 0, 2e-5);
        // Other tokens, other predictions.
        Assert.True(network.Evaluate(20, x, Numbers(3, Tokens * Channels)).Zip(actual, (a, b) => Math.Abs(a - b)).Max() > 1e-3);
    }

    /// <summary>Each attention has as many transformer layers as its place in the lists says; the middle has the last level's first number.</summary>
    [Fact]
    public void Lists_give_each_attention_layers_of_its_own()
    {
        Manifest.Network network = Network("\"layers_per_block\": 2, \"transformer_layers_per_block\": [1, [2, 3]], \"reverse_transformer_layers_per_block\": [[4, 1, 2], 1]");
        Assert.Equal(
            ["down_blocks.1.attentions.0 2", "down_blocks.1.attentions.1 3", "mid_block.attentions.0 2", "up_blocks.0.attentions.0 4", "up_blocks.0.attentions.1 1", "up_blocks.0.attentions.2 2"],
            network.Operations.Where(o => o.Name.EndsWith(".ff.net.2", StringComparison.Ordinal)).GroupBy(o => o.Name[..o.Name.IndexOf(".transformer_blocks", StringComparison.Ordinal)]).Select(g => $"{g.Key} {g.Count()}"));
    }

    /// <summary>A kernel of one pixel is one of nine with zeros around it.</summary>
    [Fact]
    public void The_first_and_the_last_convolution_may_see_one_pixel()
    {
        SyntheticNetwork network = new(Configuration("\"conv_in_kernel\": 1, \"conv_out_kernel\": 1"), Tokens), wide = new(Configuration(""), Tokens, like: network);
        foreach (string name in (string[])["conv_in.weight", "conv_out.weight"]) wide[name] = [.. network[name].SelectMany(w => (float[])[0, 0, 0, 0, w, 0, 0, 0, 0])];
        float[] x = Numbers(1, Size * Size), context = Numbers(2, Tokens * Channels), expected = wide.Evaluate(20, x, context);
        Assert.InRange(expected.Zip(network.Evaluate(20, x, context), (a, b) => Math.Abs(a - b)).Max(), 0, 1e-6);
    }

    [Theory]
    [InlineData("\"only_cross_attention\": true", "\"only_cross_attention\": [true, true]")]
    [InlineData("\"only_cross_attention\": null", "\"only_cross_attention\": [true, false]")]
    [InlineData("\"cross_attention_dim\": [99, 6]", "")]
    [InlineData("\"resnet_skip_time_act\": true, \"resnet_out_scale_factor\": 1.5, \"cross_attention_norm\": \"layer_norm\", \"mid_block_only_cross_attention\": true", "")]
    [InlineData("\"transformer_layers_per_block\": [1, [2]], \"reverse_transformer_layers_per_block\": [[2, 2], 1]", "\"transformer_layers_per_block\": [1, 2]")]
    [InlineData("\"transformer_layers_per_block\": [[5], 2]", "\"transformer_layers_per_block\": [1, 2], \"reverse_transformer_layers_per_block\": null")]
    public void What_no_block_reads_changes_nothing(string given, string same) => Assert.Equal(Network(same), Network(given));

    [Theory]
    [InlineData("\"only_cross_attention\": [true]", "only_cross_attention")]
    [InlineData("\"only_cross_attention\": [1, 0]", "only_cross_attention")]
    [InlineData("\"only_cross_attention\": \"yes\"", "only_cross_attention")]
    [InlineData("\"cross_attention_dim\": [6, 8], \"down_block_types\": [\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"]", "cross_attention_dim")]
    [InlineData("\"layers_per_block\": 2, \"transformer_layers_per_block\": [1, [2, 3]]", "reverse_transformer_layers_per_block")]
    [InlineData("\"transformer_layers_per_block\": [1, [2, 3]], \"reverse_transformer_layers_per_block\": [1, 1]", "transformer_layers_per_block")]
    [InlineData("\"transformer_layers_per_block\": [1, 1, 1]", "transformer_layers_per_block")]
    [InlineData("\"transformer_layers_per_block\": [1, []]", "transformer_layers_per_block")]
    [InlineData("\"reverse_transformer_layers_per_block\": 2", "reverse_transformer_layers_per_block")]
    [InlineData("\"reverse_transformer_layers_per_block\": [[2, 2, 2], 1]", "reverse_transformer_layers_per_block")]
    [InlineData("\"conv_in_kernel\": 5", "conv_in_kernel")]
    public void What_does_not_fit_is_named(string given, string key) => Assert.Equal(key, Assert.ThrowsAny<ModelImportException>(() => Network(given)).Key);

    private static Manifest.Network Network(string more) => UNetImporter.Import(SyntheticNetwork.Read(Configuration(more), Tokens), SourceTensors.None()).Network;

    private static string Configuration(string more)
    {
        string[] always =
        [
            "\"_class_name\": \"UNet2DConditionModel\"", $"\"sample_size\": {Size}", "\"in_channels\": 1", "\"out_channels\": 1", $"\"block_out_channels\": [{Wide}, {Wide}]", "\"layers_per_block\": 1", "\"norm_num_groups\": 4",
            "\"down_block_types\": [\"DownBlock2D\", \"CrossAttnDownBlock2D\"]", "\"up_block_types\": [\"CrossAttnUpBlock2D\", \"UpBlock2D\"]", $"\"cross_attention_dim\": {Channels}", "\"attention_head_dim\": 2",
        ];
        string[] own = more.Length == 0 ? [] : [more];
        return $"{{{string.Join(", ", always.Where(property => !more.Contains(property[..property.IndexOf(':', StringComparison.Ordinal)], StringComparison.Ordinal)).Concat(own))}}}";
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
