using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Labels in every way that the reference library knows. A network with a label equals one without whose time embedding has that label's embedding in its last bias; the embedding is computed here,
/// from the library's formulas.</summary>
public class ClassEmbeddingTests
{
    private const int Wide = 8, Width = 4 * Wide, Size = 4, Projected = 5, Tokens = 2, Channels = 6;
    private static readonly int[] s_timesteps = [7, 300];

    [Theory]
    [InlineData("UNet2DModel", null, 3, "silu", false)]
    [InlineData("UNet2DModel", null, 3, "relu", false)]
    [InlineData("UNet2DModel", "timestep", 3, "silu", false)]
    [InlineData("UNet2DModel", "timestep", 3, "relu", false)]
    [InlineData("UNet2DModel", "timestep", 0, "silu", false)]
    [InlineData("UNet2DModel", "identity", 3, "silu", false)]
    [InlineData("UNet2DConditionModel", null, 3, "silu", false)]
    [InlineData("UNet2DConditionModel", null, 3, "relu", false)]
    [InlineData("UNet2DConditionModel", null, 3, "silu", true)]
    [InlineData("UNet2DConditionModel", null, 3, "relu", true)]
    [InlineData("UNet2DConditionModel", "timestep", 3, "silu", true)]
    [InlineData("UNet2DConditionModel", "timestep", 0, "relu", false)]
    [InlineData("UNet2DConditionModel", "identity", 0, "silu", false)]
    [InlineData("UNet2DConditionModel", "identity", 0, "silu", true)]
    [InlineData("UNet2DConditionModel", "projection", 0, "relu", false)]
    [InlineData("UNet2DConditionModel", "projection", 0, "silu", true)]
    [InlineData("UNet2DConditionModel", "simple_projection", 0, "silu", false)]
    public void A_label_adds_its_embedding_to_the_times_or_stands_behind_it(string architecture, string? type, int classes, string function, bool concatenated)
    {
        using var folder = new TemporaryFolder();
        var network = new SyntheticNetwork(Configuration(architecture, function, type, classes, concatenated), Tokens);
        float[] x = Numbers(1, s_timesteps.Length * Size * Size), context = Numbers(2, s_timesteps.Length * Tokens * Channels);
        // Labels of rows are whole numbers, of vectors as many numbers as the network reads.
        int length = type switch { "identity" => Width, "projection" or "simple_projection" => Projected, _ => 1 };
        float[] labels = length > 1 ? Numbers(3, s_timesteps.Length * length) : classes > 0 ? (float[])[2, 1] : [2.5f, 700];
        float[][] expected = [.. s_timesteps.Select((t, image) => Folded(network, Configuration(architecture, function, null, 0, false), labels.AsSpan(image * length, length).ToArray(), type, function, concatenated)
            .Evaluate(t, Of(x, image), architecture == "UNet2DModel" ? null : Of(context, image)))];

        network.Save(folder.Root);
        Golden(folder.File("golden"), labels);
        Golden(folder.File("other"), [.. labels.Chunk(length).Reverse().SelectMany(l => l)]);

        ImportedModel model = DiffusersImporter.Load(folder.Root, tokens: Tokens);
        using var device = new CpuDevice(1);
        VerificationResult result = GoldenVerification.Run(model, folder.File("golden"), device).Single();
        Assert.True(result.Status == VerificationStatus.Passed, $"{result.Error:E2}");
        Assert.Equal(VerificationStatus.Failed, GoldenVerification.Run(model, folder.File("other"), device).Single().Status);

        void Golden(string path, float[] given)
        {
            var writer = new SafetensorsWriter();
            writer.Add("in.x", x, s_timesteps.Length, 1, Size, Size);
            writer.Add("in.t", Array.ConvertAll(s_timesteps, t => (long)t), s_timesteps.Length);
            writer.Add("in.encoder_hidden_states", context, s_timesteps.Length, Tokens, Channels);
            if (length > 1) writer.Add("in.class_labels", given, s_timesteps.Length, length);
            else if (classes > 0) writer.Add("in.class_labels", Array.ConvertAll(given, l => (long)l), s_timesteps.Length);
            else writer.Add("in.class_labels", given, s_timesteps.Length);
            writer.Add("out.eps", expected.SelectMany(e => e).ToArray(), s_timesteps.Length, 1, Size, Size);
            writer.Write(path);
        }
    }

    [Theory]
    [InlineData("UNet2DModel", null, 3, "silu", null)]
    [InlineData("UNet2DModel", "timestep", 3, "silu", null)]
    [InlineData("UNet2DModel", null, 3, "relu", "class_labels [contexts, 1]")]
    [InlineData("UNet2DModel", "timestep", 3, "relu", "class_features [contexts, 8]")]
    [InlineData("UNet2DModel", "timestep", 0, "silu", "class_features [contexts, 8]")]
    [InlineData("UNet2DModel", "identity", 3, "silu", "class_vector [contexts, 32]")]
    [InlineData("UNet2DConditionModel", null, 3, "silu", "encoder_hidden_states [contexts, tokens, 6]")]
    [InlineData("UNet2DConditionModel", "projection", 0, "silu", "encoder_hidden_states [contexts, tokens, 6], class_vector [contexts, 5]")]
    public void What_labels_are_given_as_contexts_is_said(string architecture, string? type, int classes, string function, string? expected)
    {
        using var folder = new TemporaryFolder();
        new SyntheticNetwork(Configuration(architecture, function, type, classes, false), Tokens).Save(folder.Root);
        ImportedModel model = DiffusersImporter.Load(folder.Root, tokens: Tokens);
        Assert.Null(Calibrator.Obstacle(model));
        Assert.Equal(expected is null, GivenContexts.Expected(model) is null);
        if (expected is null) return;
        foreach (Action unmet in (Action[])[() => new Float32SampleOptions { Labels = [1] }.Check(model), () => new CalibrationOptions().Validate(model)])
            Assert.Contains($"--contexts FILE.safetensors): {expected}, and for guidance", Assert.Throws<ArgumentException>(unmet).Message, StringComparison.Ordinal);
    }

    /// <summary>Numbers below num_class_embeds are rows of a table that follows from the weights.</summary>
    [Fact]
    public void Labels_that_are_numbers_are_calibrated_where_there_are_so_many()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        new SyntheticNetwork(Configuration("UNet2DModel", "silu", "timestep", 3, false)).Save(folder.File("model"), """{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "prediction_type": "sample", "clip_sample": false}""");
        Assert.Equal(3, CalibratedPictures.Check(DiffusersImporter.Load(folder.File("model")), folder.File("out"), device, 0, 1, 2, 0).Classes);
    }

    [Theory]
    [InlineData("class_embeddings_concat", "true")]
    [InlineData("class_embed_type", "\"table\"")]
    [InlineData("time_embedding_act_fn", "\"gelu\"")]
    public void What_is_not_computed_of_a_conditional_network_is_refused_by_key_and_value(string key, string value)
    {
        var e = Assert.Throws<UnsupportedModelException>(() => SyntheticNetwork.Read(With(Configuration("UNet2DConditionModel", "silu", null, 0, false), key, value)));
        Assert.Equal((key, value), (e.Key, e.Value));
    }

    [Fact]
    public void A_projection_needs_the_numbers_of_a_label() => Assert.Equal("projection_class_embeddings_input_dim", Assert.Throws<ModelImportException>(() =>
        SyntheticNetwork.Read(Configuration("UNet2DConditionModel", "silu", "projection", 0, false).Replace("\"projection_class_embeddings_input_dim\"", "\"_\"", StringComparison.Ordinal))).Key);

    /// <summary>The network without labels that predicts the same for one label.</summary>
    private static SyntheticNetwork Folded(SyntheticNetwork network, string configuration, float[] label, string? type, string function, bool concatenated)
    {
        double[] embedding = type switch
        {
            null => [.. network["class_embedding.weight"].AsSpan((int)label[0] * Width, Width).ToArray().Select(v => (double)v)],
            "timestep" => Mlp([.. Sinusoids(label[0])], configuration.Contains("UNet2DConditionModel", StringComparison.Ordinal) ? function : "silu"),
            "projection" => Mlp([.. label.Select(v => (double)v)], "silu"),
            "simple_projection" => Linear("class_embedding", [.. label.Select(v => (double)v)]),
            _ => [.. label.Select(v => (double)v)],
        };
        var folded = new SyntheticNetwork(configuration, Tokens, like: network);
        if (!concatenated)
        {
            folded["time_embedding.linear_2.bias"] = [.. network["time_embedding.linear_2.bias"].Select((b, i) => (float)(b + embedding[i]))];
            return folded;
        }

        // Blocks project the time's half by the first columns, and the label's by the others.
        double[] activated = Apply(function, embedding);
        foreach (string name in folded.Names("time_emb_proj.weight").ToArray())
        {
            string bias = name.Replace("weight", "bias", StringComparison.Ordinal);
            float[][] rows = [.. network[name].Chunk(2 * Width)];
            folded[name] = [.. rows.SelectMany(row => row[..Width])];
            folded[bias] = [.. network[bias].Select((b, i) => (float)(b + rows[i][Width..].Zip(activated, (w, v) => w * v).Sum()))];
        }

        return folded;

        double[] Mlp(double[] input, string between) => Linear("class_embedding.linear_2", Apply(between, Linear("class_embedding.linear_1", input)));

        double[] Linear(string name, double[] input) =>
            [.. network[$"{name}.weight"].Chunk(input.Length).Zip(network[$"{name}.bias"], (row, b) => b + row.Zip(input, (w, v) => w * v).Sum())];
    }

    private static IEnumerable<double> Sinusoids(double number)
    {
        double[] angles = [.. Enumerable.Range(0, Wide / 2).Select(i => number * Math.Exp(-Math.Log(10000) * i / (Wide / 2)))];
        return [.. angles.Select(Math.Cos), .. angles.Select(Math.Sin)];
    }

    private static double[] Apply(string function, double[] x) => [.. x.Select(v => function == "relu" ? Math.Max(v, 0) : v / (1 + Math.Exp(-v)))];

    private static string Configuration(string architecture, string function, string? type, int classes, bool concatenated)
    {
        string json = architecture == "UNet2DModel"
            ? $$"""
            {"_class_name": "UNet2DModel", "sample_size": {{Size}}, "in_channels": 1, "out_channels": 1, "block_out_channels": [{{Wide}}], "layers_per_block": 1, "norm_num_groups": 4,
             "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "add_attention": false}
            """
            : $$"""
            {"_class_name": "UNet2DConditionModel", "sample_size": {{Size}}, "in_channels": 1, "out_channels": 1, "block_out_channels": [{{Wide}}], "layers_per_block": 1, "norm_num_groups": 4,
             "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"], "cross_attention_dim": {{Channels}}, "attention_head_dim": 2, "projection_class_embeddings_input_dim": {{Projected}}}
            """;
        json = With(json, "act_fn", $"\"{function}\"");
        if (type is not null) json = With(json, "class_embed_type", $"\"{type}\"");
        if (classes > 0) json = With(json, "num_class_embeds", $"{classes}");
        return concatenated ? With(json, "class_embeddings_concat", "true") : json;
    }

    private static string With(string json, string key, string value) => $"{json[..json.LastIndexOf('}')]}, \"{key}\": {value}}}";

    private static float[] Of(float[] all, int image) => all[(image * all.Length / s_timesteps.Length)..((image + 1) * all.Length / s_timesteps.Length)];

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
