using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Networks that read the scale of guidance beside the timestep (<c>time_cond_proj_dim</c>), against the library's formulas in plain loops.</summary>
public class EmbeddedGuidanceTests
{
    private const int Wide = 8, Width = 4 * Wide, Size = 4, Tokens = 2, Channels = 6;
    private const string Labels = "\"num_class_embeds\": 3", Added = "\"addition_embed_type\": \"text_time\", \"addition_time_embed_dim\": 4, \"projection_class_embeddings_input_dim\": 9";

    [Theory]
    [InlineData(8.5, 6, 999, "")]
    [InlineData(1, 6, 300, "")]
    [InlineData(3.7, 7, 259, "")]
    [InlineData(-2, 4, 19, "")]
    [InlineData(8.5, 6, 759, Labels)]
    [InlineData(8.5, 6, 759, Added)]
    public void What_the_scale_is_projected_to_adds_to_the_timesteps_sinusoids(double scale, int features, int timestep, string more)
    {
        using var folder = new TemporaryFolder();
        var network = new SyntheticNetwork(Configuration(features, more), Tokens);
        network.Save(folder.Root);
        ImportedModel model = DiffusersImporter.Load(folder.Root, tokens: Tokens) with { EmbeddedGuidance = scale };

        double[] sinusoids = Sinusoids(timestep), projected = Linear(network["time_embedding.cond_proj.weight"], new float[Wide], Numbers(scale, features));
        double[] hidden = Linear(network["time_embedding.linear_1.weight"], network["time_embedding.linear_1.bias"], [.. sinusoids.Zip(projected, (s, p) => s + p)]);
        double[] row = Linear(network["time_embedding.linear_2.weight"], network["time_embedding.linear_2.bias"], Silu(hidden));
        // With labels the sum goes on beside a table, with added conditions in the network, behind zeros.
        var (name, expected) = more switch
        {
            Labels => ("embedding.time", row),
            Added => ("embedding.vectors", (double[])[.. new double[Width], .. row]),
            _ => ("embedding.vectors", (double[])[.. network.Names("time_emb_proj.weight").SelectMany(w => Linear(network[w], network[w.Replace("weight", "bias", StringComparison.Ordinal)], Silu(row)))]),
        };

        float[] actual = model.Tensors([timestep])[name];
        Assert.Equal(expected.Length, actual.Length);
        Assert.InRange(expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max(), 0, 2e-6);
        // Every timestep has the same scale.
        Assert.Equal(actual, model.Tensors([1, timestep])[name][^actual.Length..]);
    }

    /// <summary>Sines before cosines, of a thousand times the scale above 1, the fastest frequency first.</summary>
    [Fact]
    public void A_scale_is_sinusoids_of_what_it_is_above_1()
    {
        float[] numbers = Time(256).Guidance(8.5), odd = Time(7).Guidance(1);
        Assert.Equal(256, numbers.Length);
        Assert.Equal(Math.Sin(7500), numbers[0], 1e-6);
        Assert.Equal(Math.Cos(7500), numbers[128], 1e-6);
        Assert.Equal(0.6816388, numbers[127], 1e-5);
        Assert.Equal(0.7316889, numbers[255], 1e-5);
        Assert.Equal((float[])[0, 0, 0, 1, 1, 1, 0], odd);

        static TimeEmbedding Time(int features) => UNetImporter.Import(SyntheticNetwork.Read(Configuration(features, "")), SourceTensors.None()).Time;
    }

    /// <summary>As the library's network without <c>timestep_cond</c>.</summary>
    [Fact]
    public void Nothing_is_added_where_no_scale_is_told()
    {
        SyntheticNetwork network = new(Configuration(6, ""), Tokens), plain = new(Configuration(0, ""), Tokens, like: network);
        float[] x = Random(1, Size * Size), context = Random(2, Tokens * Channels);
        Assert.Equal(plain.Evaluate(20, x, context), network.Evaluate(20, x, context));
        Assert.NotEqual(plain.Evaluate(20, x, context), network.Evaluate(20, x, context, Random(3, 6)));
    }

    /// <summary>Stored outputs say what each image's network was told.</summary>
    [Fact]
    public void Verification_tells_what_the_stored_outputs_were_made_with()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        var network = new SyntheticNetwork(Configuration(6, ""), Tokens);
        network.Save(folder.Root);
        ImportedModel model = DiffusersImporter.Load(folder.Root, tokens: Tokens);
        float[][] x = [Random(1, Size * Size), Random(2, Size * Size)], context = [Random(3, Tokens * Channels), Random(4, Tokens * Channels)], told = [Random(5, 6), Random(6, 6)];
        int[] timesteps = [7, 300];
        float[][] with = [.. timesteps.Select((t, i) => network.Evaluate(t, x[i], context[i], told[i]))], without = [.. timesteps.Select((t, i) => network.Evaluate(t, x[i], context[i]))];

        Assert.Equal(VerificationStatus.Passed, Verify("with", with, told)[0].Status);
        Assert.Equal(VerificationStatus.Failed, Verify("other", with, [told[1], told[0]])[0].Status);
        Assert.Equal(VerificationStatus.Passed, Verify("without", without, null)[0].Status);
        Assert.Equal(VerificationStatus.Failed, Verify("missing", with, null)[0].Status);
        Assert.Contains("has rows of 5 numbers; the model reads 6", Assert.Throws<SafetensorsException>(() => Verify("short", with, [told[0][1..], told[1][1..]])).Message, StringComparison.Ordinal);

        // A step of a trajectory has one scale for all images.
        VerificationResult trajectory = Verify("trajectory", with, told)[1];
        Assert.Equal(VerificationStatus.Skipped, trajectory.Status);
        Assert.Contains("another scale of guidance", trajectory.Note, StringComparison.Ordinal);
        Assert.NotEqual(VerificationStatus.Skipped, Verify("alike", with, [told[0], told[0]])[1].Status);

        IReadOnlyList<VerificationResult> Verify(string name, float[][] outputs, float[][]? rows)
        {
            var writer = new SafetensorsWriter();
            writer.Add("in.x", x.SelectMany(v => v).ToArray(), 2, 1, Size, Size);
            writer.Add("in.t", Array.ConvertAll(timesteps, t => (long)t), 2);
            writer.Add("in.encoder_hidden_states", context.SelectMany(v => v).ToArray(), 2, Tokens, Channels);
            if (rows is not null) writer.Add("in.timestep_cond", rows.SelectMany(v => v).ToArray(), 2, rows[0].Length);
            writer.Add("out.eps", outputs.SelectMany(v => v).ToArray(), 2, 1, Size, Size);
            writer.Add("traj.xT", x.SelectMany(v => v).ToArray(), 2, 1, Size, Size);
            writer.Add("traj.ddim.x", x.SelectMany(v => v).ToArray(), 1, 2, 1, Size, Size);
            writer.Add("traj.ddim.timesteps", (long[])[1], 1);
            writer.Write(folder.File(name));
            return GoldenVerification.Run(model, folder.File(name), device);
        }
    }

    [Fact]
    public void The_projection_has_the_extents_that_the_configuration_says()
    {
        using var folder = new TemporaryFolder();
        new SyntheticNetwork(Configuration(6, ""), Tokens).Save(folder.Root);
        string config = folder.File("config.json"), text = File.ReadAllText(config);
        foreach (string other in (string[])["5", "null"])
        {
            File.WriteAllText(config, text.Replace("\"time_cond_proj_dim\": 6", $"\"time_cond_proj_dim\": {other}", StringComparison.Ordinal));
            var e = Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root));
            Assert.Equal("time_embedding.cond_proj.weight", Assert.Single(e.Mismatches).Name);
        }
    }

    [Fact]
    public void Sinusoids_need_four_numbers() => Assert.Equal("time_cond_proj_dim", Assert.Throws<ModelImportException>(() => SyntheticNetwork.Read(Configuration(3, ""))).Key);

    [Fact]
    public void A_scale_is_told_to_who_reads_one()
    {
        using var folder = new TemporaryFolder();
        new SyntheticNetwork(Configuration(6, ""), Tokens).Save(folder.File("reads"));
        new SyntheticNetwork(Configuration(0, ""), Tokens).Save(folder.File("plain"));
        ImportedModel reads = DiffusersImporter.Load(folder.File("reads"), tokens: Tokens), plain = DiffusersImporter.Load(folder.File("plain"), tokens: Tokens);
        Assert.Equal(8.5, reads.EmbeddedGuidance);
        Assert.Null(plain.EmbeddedGuidance);
        Assert.Contains("time_cond_proj_dim", Assert.Throws<ArgumentException>(() => plain with { EmbeddedGuidance = 2 }).Message, StringComparison.Ordinal);
        Assert.Contains("name one", Assert.Throws<ArgumentException>(() => reads with { EmbeddedGuidance = null }).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => reads with { EmbeddedGuidance = 1e39 });
    }

    private static double[] Numbers(double scale, int features)
    {
        var numbers = new double[features];
        int half = features / 2;
        for (int i = 0; i < half; i++)
        {
            // As the library rounds: in single precision.
            float frequency = (float)Math.Exp(i * -((float)Math.Log(10000) / (half - 1))), angle = (float)(scale - 1) * 1000 * frequency;
            numbers[i] = Math.Sin(angle);
            numbers[half + i] = Math.Cos(angle);
        }

        return numbers;
    }

    private static double[] Sinusoids(int timestep)
    {
        double[] angles = [.. Enumerable.Range(0, Wide / 2).Select(i => (double)(timestep * (float)Math.Exp(-(float)Math.Log(10000) * i / (Wide / 2))))];
        return [.. angles.Select(Math.Cos), .. angles.Select(Math.Sin)];
    }

    private static double[] Linear(float[] weight, float[] bias, double[] x) => [.. weight.Chunk(x.Length).Zip(bias, (row, b) => b + row.Zip(x, (w, v) => w * v).Sum())];

    private static double[] Silu(double[] x) => [.. x.Select(v => v / (1 + Math.Exp(-v)))];

    private static string Configuration(int features, string more) => $$"""
        {"_class_name": "UNet2DConditionModel", "sample_size": {{Size}}, "in_channels": 1, "out_channels": 1, "block_out_channels": [{{Wide}}], "layers_per_block": 1, "norm_num_groups": 4,
         "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"], "cross_attention_dim": {{Channels}}, "attention_head_dim": 2,
         "time_cond_proj_dim": {{(features == 0 ? "null" : $"{features}")}}{{(more.Length == 0 ? "" : $", {more}")}} }
        """;

    private static float[] Random(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
