using System.CommandLine;
using System.Text.Json;
using Specializer.Calibration.Export;
using Specializer.Calibration.Tests.Export;
using Specializer.Gallery;
using Specializer.Manifest;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>A latent consistency model as a whole pipeline: a scale of guidance is told to its network and compiled in.</summary>
public sealed class LatentConsistencyTests(LatentConsistencyTests.Calibrated calibrated) : IClassFixture<LatentConsistencyTests.Calibrated>
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Trajectories = 2, Prompts = ["red", "a"], WeightBits = 8, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest,
    };

    /// <summary>The folder's own scheduler: evenly among the 50 timesteps that were distilled.</summary>
    [Fact]
    public void The_pipeline_is_read_with_its_scheduler()
    {
        ImportedModel model = Load();
        Assert.Equal("LatentConsistencyModelPipeline", model.Pipeline!.Class);
        Assert.Equal(8.5, model.EmbeddedGuidance);
        SchedulerRun run = model.Scheduler.Run(null, 4, null);
        Assert.Equal("lcm", run.Identity.Family);
        Assert.Equal([999f, 759f, 499f, 259f], run.Program.Evaluations.Select(e => e.Timestep.Single));
    }

    [Fact]
    public void The_artefact_says_the_scale_and_evaluates_once()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Manifest);
        CalibrationManifest manifest = artifact.Manifest;
        Assert.Equal(4, manifest.Model.EmbeddedGuidance!.Value.Value);
        Assert.Equal((1d, 1d, 1d), (manifest.Sampling.Guidance.Value, manifest.Sampling.GuidanceMinimum.Value, manifest.Sampling.GuidanceMaximum.Value));
        Assert.All(manifest.Steps, step => Assert.Empty(step.Covariance));
        Assert.Contains("\"embeddedGuidance\": 4", File.ReadAllText(calibrated.Manifest), StringComparison.Ordinal);

        using var device = new CpuDevice(1);
        using InterpretedSampler sampler = InterpretedSampler.FromArtifact(calibrated.Manifest, device);
        Assert.Equal(((float?)4, 1f), (sampler.Description.EmbeddedGuidance, sampler.Description.Guidance));
        SampleOptions options = new() { Seed = 3, Prompts = ["red a"] };
        Assert.Equal(sampler.Sample(options).Pixels.ToArray(), sampler.Sample(options with { Guidance = 4 }).Pixels.ToArray());
        Assert.Contains("Guidance 2 is not possible: tiny is told the scale of guidance, and 4 is compiled in", Refused(options with { Guidance = 2 }), StringComparison.Ordinal);
        foreach (SampleOptions negative in (SampleOptions[])[options with { NegativePrompt = "b" }, options with { NegativeTokens = Load().Text!.Ids("b") }])
            Assert.Contains("takes nothing negative", Refused(negative), StringComparison.Ordinal);

        string Refused(SampleOptions wrong) => Assert.Throws<ArgumentException>(() => sampler.Sample(wrong)).Message;
    }

    /// <summary>Whoever draws in FP32 beside an artefact need not be told again.</summary>
    [Fact]
    public void The_artefacts_model_is_read_with_its_scale()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Manifest);
        Assert.Equal(4, CalibratedModel.Import(calibrated.Manifest, artifact, calibrated.Pipeline.Root).EmbeddedGuidance);

        using var device = new CpuDevice(2);
        EvaluationReport report = ArtifactEvaluation.Run(calibrated.Manifest, calibrated.Pipeline.Root, new() { Images = 2, Ablation = false, Prompts = ["red", "b"] }, device, 2);
        Assert.Equal(4, report.Guidance);
        Assert.InRange(report.Rows[1].PsnrDb!.Value.Value, 15, 90);

        using GalleryModel served = ServeCommand.Load(calibrated.Manifest, calibrated.Pipeline.Root, false, [], new(2), TextWriter.Null);
        Assert.Equal(Float32(4), served.Float32!.Sample(new SampleOptions { Seed = 3, Prompts = ["red a"] }).Pixels.ToArray());
        Assert.NotEqual(Float32(8.5), Float32(4));

        float[] Float32(double scale)
        {
            using Float32Sampler sampler = Float32Sampler.Create(Load(scale), null, 2, null, device);
            return sampler.Draw(new() { Seed = 3, Prompts = ["red a"] }).Pixels.ToArray();
        }
    }

    [Fact]
    public void Guidance_by_two_evaluations_is_refused()
    {
        ImportedModel model = Load();
        using var device = new CpuDevice(1);
        string[] errors =
        [
            Assert.Throws<ArgumentException>(() => Calibrator.PredictMemory(model, s_options with { GuidanceMaximum = 3 })).Message,
            Assert.Throws<ArgumentException>(() => InterpretedSampler.Float32(model, 2, device: device, guidance: 2)).Message,
            Assert.Throws<ArgumentException>(() => new Float32SampleOptions { Prompts = ["a"], Guidance = 2 }.Check(model)).Message,
            Assert.Throws<ArgumentException>(() => new Float32SampleOptions { Prompts = ["a"], NegativePrompt = "b" }.Check(model)).Message,
        ];
        Assert.All(errors, error => Assert.Contains("is told the scale of guidance", error, StringComparison.Ordinal));
    }

    /// <summary>A calibration that goes on with another scale begins anew.</summary>
    [Fact]
    public void Another_scale_is_another_calibration() => Assert.NotEqual(Calibrator.Identity(Load(4), s_options), Calibrator.Identity(Load(8.5), s_options));

    [Fact]
    public void Inspection_says_the_scale()
    {
        ModelInspection artefact = ModelInspection.Of(calibrated.Manifest), folder = ModelInspection.Of(calibrated.Pipeline.Root);
        Assert.Equal(((double?)4, (double?)8.5), (artefact.EmbeddedGuidance, folder.EmbeddedGuidance));
        Assert.Equal((1, 1), (artefact.Sampler!.Work.Evaluations, folder.Sampler!.Work.Evaluations));
        Assert.Empty(folder.Refused);
        StringWriter json = new(), text = new();
        InspectCommand.Run(calibrated.Manifest, json: true, json);
        InspectCommand.Run(calibrated.Pipeline.Root, json: false, text);
        Assert.Equal(4, JsonDocument.Parse(json.ToString()).RootElement.GetProperty("embeddedGuidance").GetDouble());
        Assert.Contains("8.5, which the network is told", text.ToString(), StringComparison.Ordinal);
    }

    /// <summary>An exported file's table of timesteps has the scale in it.</summary>
    [Fact]
    public void An_exported_network_has_the_scale_folded_in()
    {
        float[] expected = Load(4).Tensors([259])["embedding.vectors"];
        Assert.NotEqual(expected, Load(8.5).Tensors([259])["embedding.vectors"]);
        var stream = new MemoryStream();
        OnnxExport.Write(Load(4), stream);
        var file = new OnnxModelReader(stream.ToArray());
        Assert.Equal(["sample", "timestep", "encoder_hidden_states"], file.Inputs);
        Assert.Equal(expected, file.Tensors["embedding.vectors"].Values<float>().AsSpan(259 * expected.Length, expected.Length).ToArray());
    }

    [Fact]
    public void Commands_tell_the_scale_that_guidance_names()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("prompts.txt"), "red\n");
        string[] calibrate = ["calibrate", calibrated.Pipeline.Root, "--prompts", folder.File("prompts.txt"), "--steps", "1", "--trajectories", "2", "--weights", "8", "--rounding", "nearest", "--check", "0", "--out", folder.File("out"), "--name", "told"];
        Assert.Equal(ExitCode.BadInput, Run([.. calibrate, "--guidance-interval", "1..3"]));
        Assert.False(Directory.Exists(folder.File("out")));
        Assert.Equal(ExitCode.BadInput, Run("export", ModelFolder.Source, "--onnx", folder.File("out.onnx"), "--guidance", "3"));
        Assert.Equal(ExitCode.BadInput, Run("export", calibrated.Pipeline.Root, "--part", "decoder", "--onnx", folder.File("out.onnx"), "--guidance", "3"));
        Assert.False(File.Exists(folder.File("out.onnx")));

        Assert.Equal(ExitCode.Success, Run([.. calibrate, "--guidance", "5.5"]));
        using CalibrationArtifact artifact = CalibrationArtifact.Open(folder.File("out/told.calibration.json"));
        Assert.Equal(5.5, artifact.Manifest.Model.EmbeddedGuidance!.Value.Value);

        string[] sample = ["sample", calibrated.Pipeline.Root, "--prompt", "red", "--steps", "1", "--out"];
        foreach (string scale in (string[])["8.5", "3"]) Assert.Equal(ExitCode.Success, Run([.. sample, folder.File($"{scale}.png"), "--guidance", scale]));
        Assert.Equal(ExitCode.Success, Run([.. sample, folder.File("usual.png")]));
        Assert.Equal(File.ReadAllBytes(folder.File("8.5.png")), File.ReadAllBytes(folder.File("usual.png")));
        Assert.NotEqual(File.ReadAllBytes(folder.File("3.png")), File.ReadAllBytes(folder.File("usual.png")));

        static int Run(params string[] arguments) => ExitCode.Of(Commands.Create().Parse(arguments), new() { Output = TextWriter.Null, Error = TextWriter.Null });
    }

    private ImportedModel Load(double scale = ImportedModel.UsualGuidance) => PipelineImporter.Load(calibrated.Pipeline.Root, "tiny") with { EmbeddedGuidance = scale };

    /// <summary>One calibration for all of these tests.</summary>
    public sealed class Calibrated : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Calibrated()
        {
            using var device = new CpuDevice(2);
            Manifest = Calibrator.Run(PipelineImporter.Load(Pipeline.Root, "tiny") with { EmbeddedGuidance = 4 }, s_options, _folder.Root, device, 2).ManifestPath;
        }

        internal TinyPipeline Pipeline { get; } = new(guidance: 6);

        public string Manifest { get; }

        public void Dispose()
        {
            Pipeline.Dispose();
            _folder.Dispose();
        }
    }
}
