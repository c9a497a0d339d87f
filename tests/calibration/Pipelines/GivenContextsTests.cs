using Specializer.Calibration.Conversion;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>A conditional network by itself, of labels of a table and of hidden states that callers give.</summary>
public sealed class GivenContextsTests : IDisposable
{
    private const int Tokens = 3, Channels = 6, Contexts = 4;

    private static readonly PipelineRecipe s_recipe = new("alone", "DDPMPipeline",
        [
            new("unet", """{"_class_name": "UNet2DConditionModel", "sample_size": 4, "in_channels": 1, "out_channels": 1, "block_out_channels": [16], "layers_per_block": 1, "norm_num_groups": 4, "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"], "cross_attention_dim": 6, "attention_head_dim": 2, "num_class_embeds": 3}"""),
        ], PipelineRecipe.LatentDiffusionNoise);

    private static readonly CalibrationOptions s_options = new() { Steps = 2, Trajectories = 4, WeightBits = 8, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, Guidance = 2, GuidanceMaximum = 3 };

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    public GivenContextsTests() => Synthesizer.Write(s_recipe, _folder.File("alone"), 3);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_file_holds_contexts_and_what_guidance_leads_away_from()
    {
        GivenContexts contexts = Given();
        Assert.Equal((Contexts, Tokens, true), (contexts.Count, contexts.Tokens, contexts.HasNegative));
        Assert.Equal(Numbers(1, Contexts), contexts.Inputs["encoder_hidden_states"]);
        // For as many pictures, although there is one row.
        Assert.Equal([.. Enumerable.Repeat(Numbers(2, 1), Contexts).SelectMany(n => n)], contexts.NegativeInputs["encoder_hidden_states"]);
        Assert.NotEqual(contexts.Sha256, Given(w => w.Add("encoder_hidden_states", Numbers(1, Contexts), Contexts, Tokens, Channels)).Sha256);
    }

    [Fact]
    public void Files_that_hold_no_contexts_are_named()
    {
        Refused("holds no contexts", w => w.AddMetadata("a", "b"));
        Refused("is missing", w =>
        {
            w.Add("encoder_hidden_states", Numbers(1, 2), 2, Tokens, Channels);
            w.Add("class_vector", new float[4], 2, 2);
            w.Add("negative_class_vector", new float[2], 1, 2);
        });
        Refused("NaN", w => w.Add("encoder_hidden_states", new[] { float.NaN }, 1, 1, 1));
        Refused("has the shape []", w => w.Add("encoder_hidden_states", new float[1]));
        Refused("has 3 rows", w =>
        {
            w.Add("class_vector", new float[2], 2, 1);
            w.Add("encoder_hidden_states", Numbers(1, 3), 3, Tokens, Channels);
        });
        Refused("1 for all contexts, or one for each of 3", w =>
        {
            w.Add("encoder_hidden_states", Numbers(1, 3), 3, Tokens, Channels);
            w.Add("negative_encoder_hidden_states", Numbers(1, 2), 2, Tokens, Channels);
        });
        Refused("there is no encoder_hidden_states", w =>
        {
            w.Add("class_vector", new float[1], 1, 1);
            w.Add("negative_encoder_hidden_states", Numbers(1, 1), 1, Tokens, Channels);
        });

        void Refused(string why, Action<SafetensorsWriter> add) => Assert.Contains(why, Assert.Throws<SafetensorsException>(() => Given(add)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contexts_that_a_network_does_not_read_are_refused_before_the_work()
    {
        ImportedModel model = Load();
        Refused("[2, 3, 5]; alone, as it was imported, reads [contexts, 3, 6]", w => w.Add("encoder_hidden_states", new float[30], 2, Tokens, 5));
        Refused("[2, 4, 6]; alone, as it was imported, reads [contexts, 3, 6]", w => w.Add("encoder_hidden_states", new float[48], 2, 4, Channels));
        Refused("'negative_encoder_hidden_states' has the shape [1, 2, 6]", w =>
        {
            w.Add("encoder_hidden_states", Numbers(1, 2), 2, Tokens, Channels);
            w.Add("negative_encoder_hidden_states", new float[12], 1, 2, Channels);
        });
        Refused("does not read 'class_vector'. It reads encoder_hidden_states [contexts, tokens, 6]", w => w.Add("class_vector", new float[2], 2, 1));
        Refused(GivenContexts.Negative, w => w.Add("encoder_hidden_states", Numbers(1, 2), 2, Tokens, Channels));
        Assert.Contains("--contexts FILE.safetensors): encoder_hidden_states [contexts, tokens, 6]", Assert.Throws<ArgumentException>(() => Run(s_options, model)).Message, StringComparison.Ordinal);
        Assert.Contains("reads nothing besides its state", Assert.Throws<ArgumentException>(() => Run(s_options with { Contexts = Given() }, DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10))).Message, StringComparison.Ordinal);
        using var pipeline = new TinyPipeline();
        Assert.Contains("tokens", Assert.Throws<ArgumentException>(() => Run(s_options with { Contexts = Given(), Prompts = ["a"] }, PipelineImporter.Load(pipeline.Root))).Message, StringComparison.Ordinal);
        Assert.Contains("alone reads more than its state (encoder_hidden_states), which learned rounding does not give it. Round with gptq",
            Assert.Throws<ArgumentException>(() => Run(s_options with { Contexts = Given(), Rounding = RoundingChoice.Reconstruct }, model)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("out")));

        void Refused(string why, Action<SafetensorsWriter> add) => Assert.Contains(why, Assert.Throws<ArgumentException>(() => Run(s_options with { Contexts = Given(add) }, model)).Message, StringComparison.Ordinal);
    }

    /// <summary>Each half of the guidance by itself: without a label that means "none" both have the picture's own.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(2)]
    public void Guidance_leads_away_from_the_negative_context_and_the_null_label(int? nullLabel)
    {
        ImportedModel model = Load(nullLabel);
        GivenContexts given = Given();
        int[] labels = [1, 0];
        var options = new Float32SampleOptions { Count = 2, Seed = 3, Contexts = Given(Two), Labels = labels, Guidance = 2 };
        using Float32Sampler sampler = Float32Sampler.Create(model, "ddim", 1, null, _device);
        float[] actual = sampler.Draw(options).Pixels.ToArray();

        SolverProgram program = model.Scheduler.Run("ddim", 1, null).Program;
        var solver = new ProgramInterpreter(program, 2, 16, ProgramInterpreter.Seeded(3));
        float[] x = new float[32], conditional = new float[32], unconditional = new float[32];
        using NetworkEvaluator network = new(model.Network, 1, model.TensorBytes([.. program.Evaluations.Select(e => e.Timestep.Single)]), _device, 2);
        solver.Begin();
        solver.Input(0, x);
        network.Give("encoder_hidden_states", given.InputsOf([0, 1])["encoder_hidden_states"]);
        network.Evaluate(0, InterpretedStep.Float32, x, labels, conditional);
        network.Give("encoder_hidden_states", given.NegativeInputsOf([0, 1])["encoder_hidden_states"]);
        network.Evaluate(0, InterpretedStep.Float32, x, nullLabel is { } none ? [none, none] : labels, unconditional);
        solver.Advance(0, [.. conditional.Zip(unconditional, (c, u) => MathF.FusedMultiplyAdd(2, c, -1 * u))]);
        solver.End();
        Assert.Equal(solver.State.ToArray(), actual);

        using var interpreted = InterpretedSampler.Float32(model, program, _device, 2);
        Assert.Equal(actual, interpreted.Sample(new() { Count = 2, Seed = 3, Labels = labels, Inputs = options.Contexts!.Inputs, NegativeInputs = options.Contexts.NegativeInputs }).Pixels.ToArray());
        Assert.NotEqual(actual, sampler.Draw(options with { Labels = [0, 1] }).Pixels.ToArray());
        Assert.Contains("2 contexts for 3 pictures", Assert.Throws<ArgumentException>(() => sampler.Draw(options with { Count = 3, Labels = [1] })).Message, StringComparison.Ordinal);

        static void Two(SafetensorsWriter w)
        {
            w.Add("encoder_hidden_states", Numbers(1, Contexts).AsMemory(0, 2 * Tokens * Channels), 2, Tokens, Channels);
            w.Add("negative_encoder_hidden_states", Numbers(2, 1), 1, Tokens, Channels);
        }
    }

    /// <summary>Trajectories draw contexts and labels in turn, and what a command needs to know of the artefact it says.</summary>
    [Fact]
    public void What_is_calibrated_is_evaluated_inspected_and_drawn_by_programs()
    {
        GivenContexts given = Given();
        string path = Run(s_options with { Contexts = given }, Load(2));
        using (CalibrationArtifact artifact = CalibrationArtifact.Open(path))
        {
            CalibrationManifest manifest = artifact.Manifest;
            Assert.Equal((3, 2, 0), (manifest.Model.Classes, manifest.Model.NullLabel, manifest.Encoders.Count));
            Assert.Null(manifest.Prompt);
            Assert.Contains($"--contexts {given.Sha256}", manifest.Provenance.Options);
        }

        Assert.Equal(["encoder_hidden_states [3, 6]"], ModelInspection.Of(path).Given);
        Assert.Equal(["encoder_hidden_states [77, 6]"], ModelInspection.Of(_folder.File("alone")).Given);
        Assert.Empty(ModelInspection.Of(_folder.File("alone")).Refused);

        var options = new EvaluationOptions { Images = 4, Ablation = false, Contexts = given };
        EvaluationReport report = Evaluate(options);
        Assert.InRange(report.Rows[1].SnrDb!.Value.Value, 15, 80);
        Assert.Contains("--contexts", Assert.Throws<ArgumentException>(() => Evaluate(options with { Contexts = null })).Message, StringComparison.Ordinal);
        Assert.Contains(GivenContexts.Negative, Assert.Throws<ArgumentException>(() => Evaluate(options with { Contexts = Given(w => w.Add("encoder_hidden_states", Numbers(1, Contexts), Contexts, Tokens, Channels)) })).Message, StringComparison.Ordinal);
        Assert.Contains("--ablation none", Assert.Throws<ArgumentException>(() => Evaluate(options with { Ablation = true })).Message, StringComparison.Ordinal);

        using (NewProject project = NewProject.For(_folder.File("app"), path, null)) project.Write();
        string program = File.ReadAllText(_folder.File("app/Program.cs"));
        Assert.Contains("[\"encoder_hidden_states\"] = new float[18]", program, StringComparison.Ordinal);
        Assert.Contains("Inputs = inputs, NegativeInputs = inputs, Seed", program, StringComparison.Ordinal);
        Assert.Contains("which a page cannot do", Assert.Throws<ArgumentException>(() => ServeCommand.Load(path, null, true, [], _device, TextWriter.Null)).Message, StringComparison.Ordinal);

        EvaluationReport Evaluate(EvaluationOptions o) => ArtifactEvaluation.Run(path, _folder.File("alone"), o, _device, 2);
    }

    /// <summary>A label that is a vector, beside prompts: they do not make it, so that contexts hold both.</summary>
    [Fact]
    public void What_prompts_do_not_become_is_named_and_given_with_all_the_rest()
    {
        using var pipeline = new TinyPipeline();
        pipeline.Replace("unet/config.json", "\"norm_num_groups\": 8", "\"norm_num_groups\": 8, \"class_embed_type\": \"identity\"");
        ImportedModel model = PipelineImporter.Load(pipeline.Root, "tiny");
        var e = Assert.Throws<UnsupportedModelException>(() => Run(s_options with { Prompts = ["a"] }, model));
        Assert.Equal("class_vector", e.Key);
        Assert.Contains("(calibrate --contexts FILE)", e.Message, StringComparison.Ordinal);
        Assert.Equal("class_vector", Assert.Single(ModelInspection.Of(pipeline.Root).Refused).Key);
        Assert.Contains("'class_vector' besides what its pipeline makes", Assert.Throws<ArgumentException>(() => new Float32SampleOptions { Prompts = ["a"] }.Check(model)).Message, StringComparison.Ordinal);
        Assert.Equal("encoder_hidden_states [contexts, tokens, 16], class_vector [contexts, 128], and for guidance the same with 'negative_' before the name and 1 row", GivenContexts.Expected(PipelineImporter.Load(pipeline.Root, tokens: 3)));
        Assert.False(Directory.Exists(_folder.File("out")));
    }

    /// <summary>Hidden states in place of a pipeline's text encoder, which is then not read: the same pictures.</summary>
    [Fact]
    public void A_pipelines_text_encoder_may_be_left_out()
    {
        using var pipeline = new TinyPipeline();
        ImportedModel whole = PipelineImporter.Load(pipeline.Root);
        PromptContexts made = whole.Text!.Encode(["red", "a"], "b", _device);
        GivenContexts contexts = Given(w =>
        {
            w.Add("encoder_hidden_states", made.Of("encoder_hidden_states", [0, 1]), 2, 8, 16);
            w.Add("negative_encoder_hidden_states", made.Of("encoder_hidden_states", [2]), 1, 8, 16);
        });
        Directory.Delete(pipeline.File("text_encoder"), recursive: true);
        ImportedModel given = PipelineImporter.Load(pipeline.Root, tokens: contexts.Tokens);
        using Float32Sampler prompts = Float32Sampler.Create(whole, null, 2, null, _device), numbers = Float32Sampler.Create(given, null, 2, null, _device);
        var options = new Float32SampleOptions { Count = 2, Seed = 4, Guidance = 2 };
        Assert.Equal(prompts.Draw(options with { Prompts = ["red", "a"], NegativePrompt = "b" }).Pixels.ToArray(), numbers.Draw(options with { Contexts = contexts }).Pixels.ToArray());
    }

    [Fact]
    public void Labels_stand_beside_contexts_in_turn()
    {
        PromptContexts contexts = Given().Of(Load()), own = contexts.With(3, -1), none = contexts.With(3, 2);
        Assert.Equal((5, 8), (contexts.Count, own.Count));
        Assert.Equal([0, 1, 2, 0, 0, 1, 2, 0], own.LabelsOf([.. Enumerable.Range(0, 8)]));
        Assert.Equal([0, 1, 0, 1, 2, 2, 2, 2], none.LabelsOf([.. Enumerable.Range(0, 8)]));
        Assert.Equal(contexts.Of("encoder_hidden_states", [0, 1, 2, 3, 4, 4, 4, 4]), own.Of("encoder_hidden_states", [.. Enumerable.Range(0, 8)]));
        Assert.Equal(new NoCondition(4, 4), own.None);
        Assert.Equal(3, new HashSet<string> { contexts.Sha256, own.Sha256, none.Sha256 }.Count);
        // More labels than contexts: contexts repeat.
        Assert.Equal(contexts.Of("encoder_hidden_states", [0]), contexts.With(6, -1).Of("encoder_hidden_states", [4]));
    }

    private ImportedModel Load(int? nullLabel = null) => PipelineImporter.Load(_folder.File("alone"), nullLabel: nullLabel, tokens: Tokens);

    private string Run(CalibrationOptions options, ImportedModel model) => Calibrator.Run(model, options, _folder.File("out"), _device, 2).ManifestPath;

    private GivenContexts Given() => Given(w =>
    {
        w.Add("encoder_hidden_states", Numbers(1, Contexts), Contexts, Tokens, Channels);
        w.Add("negative_encoder_hidden_states", Numbers(2, 1), 1, Tokens, Channels);
    });

    private GivenContexts Given(Action<SafetensorsWriter> add)
    {
        var writer = new SafetensorsWriter();
        add(writer);
        writer.Write(_folder.File("contexts.safetensors"));
        return GivenContexts.Read(_folder.File("contexts.safetensors"));
    }

    private static float[] Numbers(int seed, int contexts) => [.. Enumerable.Range(0, contexts * Tokens * Channels).Select(i => MathF.Sin(seed * (i + 1)))];
}
