namespace Specializer.Calibration.Tests;

/// <summary>Fields of a U-Net's <c>config.json</c> that few published models set, each against a network that does without.</summary>
public class RareFieldsTests
{
    private const int Wide = 8, Size = 4, Tokens = 2, Context = 6, Timesteps = 1000;

    private static readonly float[] s_state = Numbers(1, Size * Size), s_context = Numbers(2, Tokens * Context);

    /// <summary>A narrower embedding is a wide one whose other numbers are zeros, of which SiLU makes zeros.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_embedding_of_another_width_is_as_wide_as_the_usual_one_with_zeros(bool conditional)
    {
        const int narrow = 20, usual = 4 * Wide;
        SyntheticNetwork network = new(Configuration(conditional, "\"time_embedding_dim\": 20"), Tokens), padded = new(Configuration(conditional), Tokens, like: network);
        Assert.Equal(narrow, network["time_embedding.linear_1.bias"].Length);
        foreach (string name in (string[])["time_embedding.linear_1.weight", "time_embedding.linear_1.bias", "time_embedding.linear_2.bias"])
            padded[name] = [.. network[name], .. new float[padded[name].Length - network[name].Length]];
        foreach (string name in (string[])["time_embedding.linear_2.weight", .. network.Names("time_emb_proj.weight")])
        {
            float[] rows = [.. network[name].Chunk(narrow).SelectMany(row => (float[])[.. row, .. new float[usual - narrow]])];
            padded[name] = [.. rows, .. new float[padded[name].Length - rows.Length]];
        }

        AssertEqual(padded, network);
    }

    /// <summary>Without a middle: with one whose blocks add nothing.</summary>
    [Theory]
    [InlineData(false, "null", new[] { "mid_block.resnets.0.conv2", "mid_block.resnets.1.conv2", "mid_block.attentions.0.to_out.0" })]
    [InlineData(true, "null", new[] { "mid_block.resnets.0.conv2", "mid_block.resnets.1.conv2", "mid_block.attentions.0.proj_out" })]
    [InlineData(true, "\"UNetMidBlock2D\"", new[] { "mid_block.resnets.1.conv2", "mid_block.attentions.0.proj_out" })]
    public void A_middle_that_lacks_blocks_is_one_whose_blocks_add_nothing(bool conditional, string type, string[] nothing)
    {
        SyntheticNetwork network = new(Configuration(conditional, $"\"mid_block_type\": {type}"), Tokens), whole = new(Configuration(conditional), Tokens, like: network);
        Assert.DoesNotContain(network.Names(".weight"), name => nothing.Any(n => name.StartsWith(n, StringComparison.Ordinal)));
        foreach (string name in nothing.SelectMany(n => (string[])[$"{n}.weight", $"{n}.bias"])) whole[name] = new float[whole[name].Length];
        AssertEqual(whole, network);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Swish_is_another_name_of_silu(bool conditional)
    {
        Assert.Equal(Network("silu"), Network("swish"));
        Assert.NotEqual(Network("silu"), Network("mish"));

        Manifest.Network Network(string function) => UNetImporter.Import(SyntheticNetwork.Read(Configuration(conditional, $"\"act_fn\": \"{function}\""), Tokens), SourceTensors.None()).Network;
    }

    /// <summary>linear_1 of a timestep's row: the same network whose first layer gives that whatever the sinusoids are.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(999)]
    public void A_learned_timestep_is_a_row_of_its_table(int timestep)
    {
        SyntheticNetwork network = new(Configuration(false, $"\"time_embedding_type\": \"learned\", \"num_train_timesteps\": {Timesteps}")), folded = new(Configuration(false), like: network);
        float[] row = [.. network["time_proj.weight"].Skip(timestep * Wide).Take(Wide)];
        folded["time_embedding.linear_1.weight"] = new float[folded["time_embedding.linear_1.weight"].Length];
        folded["time_embedding.linear_1.bias"] = [.. network["time_embedding.linear_1.weight"].Chunk(Wide).Zip(network["time_embedding.linear_1.bias"], (weights, b) => (float)(b + weights.Zip(row, (w, r) => (double)w * r).Sum()))];
        AssertEqual(folded, network, timestep);
        Assert.True(Difference(folded.Evaluate(timestep, s_state, null), network.Evaluate(500, s_state, null)) > 1e-3);
    }

    private static void AssertEqual(SyntheticNetwork expected, SyntheticNetwork actual, int timestep = 20) =>
        Assert.InRange(Difference(Evaluate(expected, timestep), Evaluate(actual, timestep)), 0, 1e-6);

    private static float[] Evaluate(SyntheticNetwork network, int timestep) => network.Evaluate(timestep, s_state, network.Names("attn2.to_k.weight").Any() ? s_context : null);

    private static float Difference(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    private static string Configuration(bool conditional, string more = "") => $$"""
        {"_class_name": "{{(conditional ? "UNet2DConditionModel" : "UNet2DModel")}}", "sample_size": {{Size}}, "in_channels": 1, "out_channels": 1, "block_out_channels": [{{Wide}}, {{Wide}}], "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 4,
         "down_block_types": ["DownBlock2D", "{{(conditional ? "CrossAttn" : "Attn")}}DownBlock2D"], "up_block_types": ["{{(conditional ? "CrossAttn" : "Attn")}}UpBlock2D", "UpBlock2D"]{{(conditional ? $", \"cross_attention_dim\": {Context}" : "")}}{{(more.Length == 0 ? "" : $", {more}")}}}
        """;

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
