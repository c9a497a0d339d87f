using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary><c>time_embedding_type: fourier</c>: random features of the timestep's logarithm, and a prediction that is divided by the timestep.</summary>
public class FourierFeaturesTests
{
    private const int Wide = 8, Size = 4;

    /// <summary>Equals a network of sinusoids whose first layer gives, whatever they are, what Fourier features give, and whose last convolution is divided by the timestep.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(300, false)]
    [InlineData(999.5f, false)]
    [InlineData(0.01f, false)]
    [InlineData(300, true)]
    public void A_prediction_is_that_of_the_features_divided_by_the_timestep(float timestep, bool scaleShift)
    {
        SyntheticNetwork network = Network("fourier", scaleShift, null), folded = Network("positional", scaleShift, network);
        float[] w1 = network["time_embedding.linear_1.weight"], b1 = network["time_embedding.linear_1.bias"], frequencies = network["time_proj.weight"];
        // As the library rounds: in single precision, the logarithm first.
        double[] angles = [.. frequencies.Select(w => (double)((float)Math.Log(timestep) * w * 2 * (float)Math.PI))];
        double[] features = [.. angles.Select(Math.Sin), .. angles.Select(Math.Cos)];
        folded["time_embedding.linear_1.weight"] = new float[4 * Wide * Wide];
        folded["time_embedding.linear_1.bias"] = [.. b1.Select((b, i) => (float)(b + features.Select((f, j) => f * w1[i * features.Length + j]).Sum()))];
        foreach (string name in (string[])["conv_out.weight", "conv_out.bias"]) folded[name] = [.. network[name].Select(v => v / timestep)];
        float[] x = Picture();

        float[] expected = folded.Evaluate(timestep, x, null), actual = network.Evaluate(timestep, x, null);

        double largest = expected.Max(Math.Abs);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() / largest, 0, 5e-6);
        // The timestep is not merely a factor.
        Assert.True(network.Evaluate(timestep * 1.5f, x, null).Zip(expected, (a, b) => Math.Abs(a * 1.5 - b)).Max() / largest > 1e-3);
    }

    [Fact]
    public void A_network_of_Fourier_features_is_calibrated_where_no_timestep_is_0()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        SyntheticNetwork network = Network("fourier", false, null);
        // Predictions of about 1, as trained networks give.
        foreach (string name in (string[])["conv_out.weight", "conv_out.bias"]) network[name] = [.. network[name].Select(v => 300 * v)];
        network.Save(folder.File("model"), """{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "timestep_spacing": "trailing", "prediction_type": "sample", "clip_sample": false}""");
        network.Save(folder.File("zero"));
        // A prediction of the picture itself: one of its noise at the first step would be multiplied by 150 on the way to it.
        CalibratedPictures.Check(DiffusersImporter.Load(folder.File("model")), folder.File("out"), device);

        string error = Assert.Throws<ArgumentException>(() => Calibrator.Run(DiffusersImporter.Load(folder.File("zero")), new() { Steps = 3, Trajectories = 4 }, folder.File("out"), device)).Message;
        Assert.Contains("the logarithm of timesteps, and there is none of 0, one of 1 of ddim in 3 steps", error, StringComparison.Ordinal);
        Assert.Contains("trailing", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variance_beside_the_prediction_is_divided_too()
    {
        SyntheticNetwork network = Network("fourier", false, null, outputs: 2);
        using var folder = new TemporaryFolder();
        network.Save(folder.Root);
        ImportedModel split = LearnedVariance.Split(DiffusersImporter.Load(folder.Root), keep: true);
        int[] vectors = [.. split.Network.Operations.OfType<Manifest.ConvolutionOperation>().Where(o => o.Name.StartsWith("conv_out", StringComparison.Ordinal)).Select(o => o.Vector)];
        float[] all = split.Tensors([500])["embedding.vectors"];
        Assert.Equal(network["conv_out.bias"].Select(b => b / 500), vectors.Select(v => all[v]));
    }

    [Fact]
    public void A_missing_bias_is_missed_once()
    {
        using var folder = new TemporaryFolder();
        Network("positional", false, null).Save(folder.Root);
        string config = folder.File("config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("positional", "fourier", StringComparison.Ordinal).Replace("\"out_channels\": 1", "\"out_channels\": 2", StringComparison.Ordinal));
        var e = Assert.Throws<TensorMismatchException>(() => DiffusersImporter.Load(folder.Root));
        Assert.Equal(["conv_out.bias", "conv_out.weight", "time_embedding.linear_1.weight", "time_proj.weight"], e.Mismatches.Select(m => m.Name).Order(StringComparer.Ordinal));
    }

    /// <summary>Beside labels the division has no place among the embedding's own vectors: such a network reads its label, which is given as contexts are.</summary>
    [Fact]
    public void Beside_labels_these_are_an_input()
    {
        using var folder = new TemporaryFolder();
        new SyntheticNetwork(Configuration("fourier", false, 1).Replace("{", "{\"num_class_embeds\": 3, ", StringComparison.Ordinal)).Save(folder.Root);
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        Assert.Equal([UNetImporter.Labels], model.Inputs);
        Assert.StartsWith("class_labels [contexts, 1]", GivenContexts.Expected(model), StringComparison.Ordinal);
    }

    private static SyntheticNetwork Network(string type, bool scaleShift, SyntheticNetwork? like, int outputs = 1) => new(Configuration(type, scaleShift, outputs), like: like);

    private static string Configuration(string type, bool scaleShift, int outputs) => $$"""
        {"_class_name": "UNet2DModel", "sample_size": {{Size}}, "in_channels": 1, "out_channels": {{outputs}}, "block_out_channels": [{{Wide}}], "layers_per_block": 1, "norm_num_groups": 4,
         "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"], "add_attention": false, "time_embedding_type": "{{type}}", "resnet_time_scale_shift": "{{(scaleShift ? "scale_shift" : "default")}}"}
        """;

    private static float[] Picture()
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, Size * Size).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
