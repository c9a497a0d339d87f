using Specializer.Manifest;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Calibration of a pipeline whose network is conditioned by prompts and draws latents.</summary>
public sealed class ConditionalCalibrationTests(ConditionalCalibrationTests.Calibrated calibrated) : IClassFixture<ConditionalCalibrationTests.Calibrated>
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 3, Eta = 0, Trajectories = 20, Prompts = ["red", "a", "b", "red a"], Guidance = 2, GuidanceMinimum = 1, GuidanceMaximum = 3, Policy = BitPolicy.Preset, PresetShare = 0.4,
    };

    private static readonly float[] s_latents = [.. Enumerable.Range(0, 2 * 256).Select(i => MathF.Sin(i))];

    [Fact]
    public void The_artefact_holds_text_encoder_denoiser_and_decoder()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Result.ManifestPath);
        CalibrationManifest manifest = artifact.Manifest;
        Assert.Equal(["text_encoder"], manifest.Encoders.Select(e => e.Name));
        Assert.Equal("decoder", manifest.Decoder!.Name);
        Assert.Equal(["encoder_hidden_states"], manifest.Network.Inputs);
        Assert.Equal("ids", manifest.Prompt!.Input);
        Assert.Equal(8, manifest.Prompt.Empty.Count);
        Assert.Equal(0, manifest.Prompt.ClipSkip);
        Assert.DoesNotContain("clipSkip", File.ReadAllText(calibrated.Result.ManifestPath), StringComparison.Ordinal);
        Assert.Equal(["ids"], LinkedNetwork.Of(manifest).Given);
        Assert.Equal(calibrated.Model.Parameters, manifest.Model.Parameters);
        Assert.Equal([4, 8, 8], manifest.Steps.Select(s => s.ActivationBits));
        Assert.All(manifest.Steps, s => Assert.Equal(16, s.Covariance.Count));
    }

    [Fact]
    public void Inspection_says_what_each_network_costs()
    {
        ModelInspection artefact = ModelInspection.Of(calibrated.Result.ManifestPath);
        Assert.Equal([("text_encoder", "once a call"), ("", "at every step"), ("decoder", "at the end")], artefact.Networks.Select(n => (n.Name, n.Runs)));
        Assert.Contains(8, artefact.Networks[2].Convolutions.Keys);
        Assert.Equal([4, 8], artefact.Networks[1].Convolutions.Keys);
        Assert.Equal(artefact.Layers.Sum(l => l.WeightBytes), artefact.Networks.Sum(n => n.WeightBytes));
    }

    /// <summary>Keys and values of prompts are computed before the first step, with ranges over all prompts.</summary>
    [Fact]
    public void What_a_call_computes_once_has_one_range()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Result.ManifestPath);
        Network network = artifact.Manifest.Network;
        var slots = new QuantizationSlots(network);
        string[] contexts = [.. network.Operations.OfType<QuantizeOperation>().Where(q => q.Input == "encoder_hidden_states").Select(q => q.Output)];
        Assert.NotEmpty(contexts);
        foreach (int slot in contexts.Select(map => slots[map]))
        {
            Assert.All(artifact.Manifest.Steps, s => Assert.Equal(255, s.Levels[slot]));
            Assert.Single(artifact.Manifest.Steps.Select(s => (s.Scales[slot], s.ZeroPoints[slot])).Distinct());
        }
    }

    [Fact]
    public void Each_network_is_judged_by_the_pictures()
    {
        Assert.Equal([("text encoder", true), ("decoder", true)], calibrated.Result.Findings.OfType<PartQuantized>().Select(f => (f.Part, f.Integers > 0)).OrderByDescending(f => f.Part, StringComparer.Ordinal));
    }

    /// <summary>What <c>specializer new</c> writes around it.</summary>
    [Fact]
    public void A_new_program_draws_prompts()
    {
        using var folder = new TemporaryFolder();
        using NewProject project = NewProject.For(folder.File("app"), calibrated.Result.ManifestPath, null);
        project.Write();
        Assert.EndsWith(" -- \"red heart\"", project.Run, StringComparison.Ordinal);
        Assert.Contains("<PackageReference Include=\"Specializer.Text\"", File.ReadAllText(folder.File("app/app.csproj")), StringComparison.Ordinal);
        Assert.Contains("Prompts = prompts", File.ReadAllText(folder.File("app/Program.cs")), StringComparison.Ordinal);
    }

    /// <summary>FP32 and the artefact draw the same prompts from the same noise, decoder included.</summary>
    [Fact]
    public void Evaluation_draws_pictures_of_prompts()
    {
        using var device = new CpuDevice(2);
        var options = new EvaluationOptions { Images = 4, Ablation = false, Prompts = ["red", "b"] };
        EvaluationReport report = Evaluate(options);
        Assert.Equal(["FP32", "artefact"], report.Rows.Select(r => r.Name));
        Assert.InRange(report.Rows[1].PsnrDb!.Value.Value, 10, 80);
        Assert.Contains("--prompts", Assert.Throws<ArgumentException>(() => Evaluate(options with { Prompts = [] })).Message);
        Assert.Contains("--ablation none", Assert.Throws<ArgumentException>(() => Evaluate(options with { Ablation = true })).Message);

        EvaluationReport Evaluate(EvaluationOptions o) => ArtifactEvaluation.Run(calibrated.Result.ManifestPath, calibrated.Folder, o, device, 2);
    }

    /// <summary>Prompts reach the network: what was measured follows them, and FP32's own noise-free guided pair differs.</summary>
    [Fact]
    public void Trajectories_draw_what_their_prompts_say()
    {
        using var device = new CpuDevice(1);
        ImportedModel model = calibrated.Model with { Contexts = calibrated.Model.Text!.Encode(s_options.Prompts, "", device) };
        using var reference = new ReferenceTrajectories(model, Calibrator.Solver(model, s_options).Program, s_options, device);
        TrajectoryState state = reference.Run(0).First();
        Assert.Equal(TrajectoryLabels.Of(5, 4, 0, 0, 16), state.Labels);
        Assert.NotEqual(state.Conditional, state.Unconditional);

        // The same by the network alone.
        using NetworkEvaluator network = new(model.Network, 3, model.TensorBytes([.. Calibrator.Solver(model, s_options).Program.Evaluations.Select(e => e.Timestep.Single)]), device, 16);
        network.Give("encoder_hidden_states", model.Contexts.Of("encoder_hidden_states", state.Labels));
        var expected = new float[state.X.Length];
        network.Evaluate(0, InterpretedStep.Float32, state.X, [], expected);
        Assert.Equal(expected, state.Conditional);
    }

    [Fact]
    public void The_same_options_give_the_same_bytes_on_any_number_of_threads()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        string again = Calibrator.Run(calibrated.Model, s_options, folder.Root, device, 1).ManifestPath;
        Assert.Equal(File.ReadAllBytes(calibrated.Result.ManifestPath), File.ReadAllBytes(again));
    }

    [Fact]
    public void Missing_parts_and_prompts_are_named_before_the_work()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(1);
        Assert.Contains("--prompts", Assert.Throws<ArgumentException>(() => Run(calibrated.Model, s_options with { Prompts = [] })).Message);
        Assert.Contains("empty", Assert.Throws<ArgumentException>(() => Run(calibrated.Model, s_options with { Prompts = ["a", " "] })).Message);
        Assert.Contains("takes no prompts", Assert.Throws<ArgumentException>(() => Run(DiffusersImporter.Load(ModelFolder.Source), s_options)).Message);
        Assert.Equal("vae", Assert.Throws<UnsupportedModelException>(() => Run(calibrated.Model with { Decoder = null }, s_options)).Key);
        Assert.Contains("--contexts", Assert.Throws<ArgumentException>(() => Run(calibrated.Model with { Text = null }, s_options with { Prompts = [] })).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));

        void Run(ImportedModel model, CalibrationOptions options) => Calibrator.Run(model, options, folder.Root, device);
    }

    /// <summary>Labels, or nothing, instead of prompts; the network's own pictures are the latents.</summary>
    [Fact]
    public void Latents_of_classes_get_their_decoder()
    {
        using var pipeline = new TinyPipeline(latents: 1);
        foreach (string part in (string[])["unet", "text_encoder", "tokenizer"]) Directory.Delete(pipeline.File(part), recursive: true);
        Directory.CreateDirectory(pipeline.File("unet"));
        foreach (string name in (string[])["config.json", "diffusion_pytorch_model.safetensors"]) File.Copy(Path.Combine(ModelFolder.Source, name), pipeline.File($"unet/{name}"));
        File.WriteAllText(pipeline.File("model_index.json"),
            """{"_class_name": "LDMPipeline", "vae": ["diffusers", "AutoencoderKL"], "unet": ["diffusers", "UNet2DModel"], "scheduler": ["diffusers", "DDIMScheduler"]}""");
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        ImportedModel model = PipelineImporter.Load(pipeline.Root, "latents", 10);
        Assert.All(new[] { pipeline.Root, pipeline.File("unet") }, folder => Assert.Empty(ModelInspection.Of(folder).Refused));
        string path = Calibrator.Run(model, new() { Steps = 2, Eta = 0, Trajectories = 16, WeightBits = 8, Activations = ActivationWidth.Eight }, folder.Root, device, 2).ManifestPath;
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        Assert.Equal((1, 11, 0), (artifact.Manifest.Model.Channels, artifact.Manifest.Model.Classes, artifact.Manifest.Encoders.Count));
        Assert.Equal("decoder", artifact.Manifest.Decoder!.Name);
        Assert.Null(artifact.Manifest.Prompt);
    }

    /// <summary>A layer that 8 bits would damage stays in FP32, alone where that is enough.</summary>
    [Fact]
    public void A_part_that_pictures_would_show_keeps_what_it_needs_in_FP32()
    {
        using var device = new CpuDevice(1);
        var findings = new List<Finding>();
        PartQuantizer quantizer = Quantizer(device, calibrated.Model);
        string harmful = quantizer.Convolutions[3];
        int tries = 0;
        QuantizedPart part = Make(device, quantizer, p => p.Integers.Any(c => c.Name == harmful) ? 1 : 0, p =>
        {
            tries++;
            return p.Integers.Any(c => c.Name == harmful) ? 30 : 50;
        }, findings);
        Assert.Equal([harmful], quantizer.Convolutions.Except(part.Integers.Select(c => c.Name)));
        Assert.Equal(2, tries);
        Assert.Equal(30, Assert.IsType<PartQuantized>(Assert.Single(findings)).AllPsnrDb, 0.05);

        Assert.Empty(Make(device, quantizer, _ => 1, _ => 20, findings).Integers);
        Assert.Equal(0, Assert.IsType<PartQuantized>(findings[1]).Integers);
    }

    /// <summary>What was published in FP16 is stored in it, in half the bytes and with FP32's pictures.</summary>
    [Fact]
    public void Weights_of_a_model_in_FP16_lose_nothing()
    {
        using var pipeline = new TinyPipeline();
        using var folder = new TemporaryFolder();
        string vae = pipeline.File("vae/diffusion_pytorch_model.safetensors");
        HalfPrecision.Write(vae, folder.File("half.safetensors"));
        File.Move(folder.File("half.safetensors"), vae, overwrite: true);
        ImportedModel model = PipelineImporter.Load(pipeline.Root, "half");
        using var device = new CpuDevice(2);
        var findings = new List<Finding>();
        PartQuantizer quantizer = Quantizer(device, model);
        float[] exact;
        using (NetworkEvaluator evaluator = model.Decoder!.Evaluator(device, 2)) exact = model.Decoder.Evaluate(evaluator, s_latents);
        QuantizedPart part = Make(device, quantizer, _ => 1, p => p.Integers.Any() ? 20 : 50, findings);
        Assert.Equal(exact, part.Evaluate(s_latents, device, CancellationToken.None));
        Assert.All(part.Quantized.Network.Operations.OfType<ConvolutionOperation>(), c => Assert.Equal(16, c.WeightBits));
        PartQuantized found = Assert.IsType<PartQuantized>(Assert.Single(findings));
        Assert.Equal((quantizer.Convolutions.Count, 0), (found.Halves, found.Rounded));
        Assert.InRange(found.WeightBytes, 1, 0.6 * 4 * model.Decoder.Parameters);
    }

    /// <summary>Of FP32 weights FP16 is a rounding, which pictures judge as they judge integers.</summary>
    [Fact]
    public void Weights_in_FP32_are_rounded_to_FP16_where_pictures_do_not_show_it()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Result.ManifestPath);
        Assert.Equal(16, Assert.Single(artifact.Manifest.Encoders[0].Network.Operations.OfType<LookupOperation>()).TableBits);
        Assert.Equal((1, 1), calibrated.Result.Findings.OfType<PartQuantized>().Where(f => f.Part == "text encoder").Select(f => (f.Halves, f.Rounded)).Single());

        using var device = new CpuDevice(1);
        var findings = new List<Finding>();
        PartQuantizer quantizer = Quantizer(device, calibrated.Model);
        Make(device, quantizer, _ => 1, p => p.Integers.Any() ? 20 : 50, findings);
        Make(device, quantizer, _ => 1, p => p.Integers.Any() || p.Rounded > 0 ? 20 : 50, findings);
        Assert.Equal([(quantizer.Convolutions.Count, quantizer.Convolutions.Count), (0, 0)], findings.Cast<PartQuantized>().Select(f => (f.Halves, f.Rounded)));
    }

    private static PartQuantizer Quantizer(CpuDevice device, ImportedModel model) => new("decoder", model.Decoder!, s_latents, Context(device, model), Checkpoint.None);

    private QuantizedPart Make(CpuDevice device, PartQuantizer quantizer, Func<QuantizedPart, double> harm, Func<QuantizedPart, double> psnrDb, List<Finding> findings) =>
        new PartChoice(Context(device, calibrated.Model), Checkpoint.None, findings).Make(quantizer, new(quantizer.Convolutions.Count, 0, 0, 0), harm, psnrDb);

    private static CalibrationContext Context(CpuDevice device, ImportedModel model) => new(model, Calibrator.Solver(model, s_options), s_options, device, 1, null, CancellationToken.None);

    /// <summary>One calibration for all of these tests.</summary>
    public sealed class Calibrated : IDisposable
    {
        private readonly TinyPipeline _pipeline = new();
        private readonly TemporaryFolder _folder = new();

        public Calibrated()
        {
            Model = PipelineImporter.Load(_pipeline.Root, "tiny");
            using var device = new CpuDevice(2);
            Result = Calibrator.Run(Model, s_options, _folder.Root, device, 2);
        }

        public ImportedModel Model { get; }

        public CalibrationResult Result { get; }

        public string Folder => _pipeline.Root;

        public void Dispose()
        {
            _pipeline.Dispose();
            _folder.Dispose();
        }
    }
}
