using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Formats;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Networks by themselves, of hidden states and labels that callers give, and of labels of a table beside them: calibrated, generated, compiled and run.</summary>
public sealed class GivenContextsTests
{
    private const int Pictures = 7;

    private const string Conditional = "\"_class_name\": \"UNet2DConditionModel\", \"down_block_types\": [\"CrossAttnDownBlock2D\"], \"up_block_types\": [\"CrossAttnUpBlock2D\"], \"cross_attention_dim\": 6, \"attention_head_dim\": 2",
        Unconditional = "\"_class_name\": \"UNet2DModel\", \"down_block_types\": [\"DownBlock2D\"], \"up_block_types\": [\"UpBlock2D\"], \"add_attention\": false";

    /// <param name="properties">Of the network.</param>
    /// <param name="nullLabel">The label that means "none"; null where there is none.</param>
    /// <param name="input">What is given beside, or in place of, hidden states; empty for nothing.</param>
    [Theory]
    [InlineData(Conditional, null, "")]
    [InlineData($"{Conditional}, \"num_class_embeds\": 4", null, "")]
    [InlineData($"{Conditional}, \"num_class_embeds\": 4, \"class_embeddings_concat\": true", 3, "")]
    [InlineData($"{Conditional}, \"num_class_embeds\": 4, \"act_fn\": \"relu\"", null, "class_labels")]
    [InlineData($"{Conditional}, \"class_embed_type\": \"projection\", \"projection_class_embeddings_input_dim\": 5", null, "class_vector")]
    [InlineData($"{Conditional}, \"class_embed_type\": \"timestep\"", null, "class_features")]
    [InlineData($"{Conditional}, \"addition_embed_type\": \"text_time\", \"addition_time_embed_dim\": 4, \"projection_class_embeddings_input_dim\": 29", null, "added_conditions")]
    [InlineData($"{Unconditional}, \"num_class_embeds\": 4, \"act_fn\": \"relu\"", null, "class_labels")]
    [InlineData($"{Unconditional}, \"class_embed_type\": \"identity\"", null, "class_vector")]
    public void The_compiled_sampler_gives_the_interpreters_bits(string properties, int? nullLabel, string input)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(new PipelineRecipe("given", "DDPMPipeline",
            [
                new("unet", $$"""{"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": [16], "layers_per_block": 1, "norm_num_groups": 4, {{properties}}}"""),
            ], PipelineRecipe.LatentDiffusionNoise), folder.File("model"), 3);
        ImportedModel model = PipelineImporter.Load(folder.File("model"), nullLabel: nullLabel, tokens: 3);
        bool tokens = properties.StartsWith(Conditional, StringComparison.Ordinal), labels = model.Classes > 0;
        int channels = input.Length == 0 || input == "class_labels" ? 1 : model.Network.Maps.Single(m => m.Name == input).Channels;
        var writer = new SafetensorsWriter();
        foreach (var (prefix, rows) in (ReadOnlySpan<(string, int)>)[("", Pictures), (GivenContexts.Negative, 1)])
        {
            if (tokens) writer.Add($"{prefix}encoder_hidden_states", Numbers(rows * 3 * 6, rows), rows, 3, 6);
            if (input == "class_labels") writer.Add(prefix + input, Enumerable.Range(0, rows).Select(i => i % 3L).ToArray(), rows);
            else if (input.Length > 0) writer.Add(prefix + input, Numbers(rows * channels, rows + 1), rows, channels);
        }

        writer.Write(folder.File("contexts.safetensors"));
        GivenContexts given = GivenContexts.Read(folder.File("contexts.safetensors"));
        var options = new CalibrationOptions
        {
            Steps = 3, Trajectories = 2, Contexts = given, GuidanceMaximum = 2, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest,
            MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.Off,
        };
        string manifest = Calibrator.Run(model, options, folder.File("out"), device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out string source);
        if (tokens) Assert.Contains(" void Prepare", source, StringComparison.Ordinal);

        var asked = new SampleOptions { Count = Pictures, Seed = 5, Inputs = given.Inputs, NegativeInputs = given.NegativeInputs, Labels = labels ? [0, 1, 2, 3, 0, 1, 2] : [] };
        float[] drawn = EveryBatch.Same(interpreted, compiled, asked), guided = EveryBatch.Same(interpreted, compiled, asked with { Guidance = 2 });
        Assert.True(drawn.Distinct().Count() > drawn.Length / 4, "The pictures are nearly constant: the comparison says little.");
        Assert.NotEqual(drawn, guided);
        foreach (string name in given.Inputs.Keys)
            Assert.NotEqual(drawn, Draw(asked with { Inputs = given.Inputs.ToDictionary(i => i.Key, i => i.Key == name ? [.. i.Value.Chunk(i.Value.Length / Pictures).Reverse().SelectMany(row => row)] : i.Value) }));
        if (labels) Assert.NotEqual(guided, Draw(asked with { Guidance = 2, Labels = [1] }));
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => Draw(asked with { Inputs = given.Inputs.ToDictionary(i => i.Key, i => (float[])[float.NaN, .. i.Value.Skip(1)]) })).Message, StringComparison.Ordinal);

        float[] Draw(SampleOptions wanted) => compiled.Sample(wanted).Pixels.ToArray();
    }

    private static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(seed * (i + 1)))];
}
