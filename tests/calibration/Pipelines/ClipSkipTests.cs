using System.CommandLine;
using System.Text.Json;
using Specializer.Gallery;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Text encoders without their last layers: imported, calibrated, and found again by what an artefact says.</summary>
public sealed class ClipSkipTests(ClipSkipTests.Calibrated calibrated) : IClassFixture<ClipSkipTests.Calibrated>
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 2, Trajectories = 2, Prompts = ["red", "a"], GuidanceMaximum = 3, WeightBits = 8, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest,
    };

    /// <summary>The final norm behind the layer before, as in an encoder that never had the others.</summary>
    [Fact]
    public void Prompts_are_read_by_the_first_layers()
    {
        ImportedModel model = Load(1), whole = Load(0);
        using var device = new CpuDevice(1);
        using ModelWeights weights = PartImporter.OpenWeights(calibrated.Pipeline.File("text_encoder"), text: true, []);
        ConfigurationReader json = ConfigurationReader.Open(calibrated.Pipeline.File("text_encoder/config.json"));
        ImportedNetwork two = TextEncoderImporter.Import(TextEncoderConfiguration.Read(json.Anew(("num_hidden_layers", "2"))), weights.Tensors);

        float[] context = Context(model);
        Assert.Equal(NetworkRun.Evaluate(two, [.. model.Text!.Ids("red a").Select(id => (float)id)], 1), context);
        Assert.NotEqual(Context(whole), context);
        Assert.Equal(two.Tensors.Keys, model.Text.Network.Tensors.Keys);
        Assert.Equal(whole.Text!.Network.Parameters - two.Parameters, whole.Parameters - model.Parameters);

        float[] Context(ImportedModel m) => m.Text!.Encode(["red a"], "", device).Of("encoder_hidden_states", [0]);
    }

    /// <summary>The file has to be that of its configuration all the same.</summary>
    [Fact]
    public void Tensors_of_layers_that_are_left_out_are_missed()
    {
        using var pipeline = new TinyPipeline(textLayers: 2);
        pipeline.Replace("text_encoder/config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
        var e = Assert.Throws<TensorMismatchException>(() => PipelineImporter.Load(pipeline.Root, clipSkip: 1));
        Assert.All(e.Mismatches, m => Assert.StartsWith("text_model.encoder.layers.2.", m.Name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_layer_remains(int skip)
    {
        foreach (Action load in (Action[])[() => Load(skip), () => ModelInspection.Of(calibrated.Pipeline.Root, clipSkip: skip)])
        {
            string message = Assert.ThrowsAny<ArgumentException>(load).Message;
            Assert.Contains(calibrated.Pipeline.File("text_encoder/config.json"), message, StringComparison.Ordinal);
            Assert.Contains($"'num_hidden_layers' is 3, and a clip skip of {skip} is not possible: 0 to 2", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_model_without_text_encoder_has_nothing_to_leave_out()
    {
        foreach (Action load in (Action[])[() => PipelineImporter.Load(ModelFolder.Source, clipSkip: 1), () => ModelInspection.Of(ModelFolder.Source, clipSkip: 1)])
            Assert.Contains("has no text encoder", Assert.Throws<ArgumentException>(load).Message, StringComparison.Ordinal);
        Assert.Contains("compiled in", Assert.Throws<ArgumentException>(() => ModelInspection.Of(calibrated.Manifest, clipSkip: 1)).Message, StringComparison.Ordinal);
    }

    /// <summary>A calibration that goes on with another encoder begins anew, before any prompt is read.</summary>
    [Fact]
    public void Another_number_is_another_calibration() =>
        Assert.Equal(3, ((int[])[0, 1, 2]).Select(skip => Calibrator.Identity(Load(skip), s_options)).Distinct().Count());

    [Fact]
    public void The_artefact_says_what_it_lacks()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Manifest);
        Assert.Equal(1, artifact.Manifest.Prompt!.ClipSkip);
        string[] operations = [.. artifact.Manifest.Encoders.Single().Network.Operations.Select(o => o.Name)];
        Assert.Contains("text_model.encoder.layers.1.mlp.fc2", operations);
        Assert.Contains("text_model.final_layer_norm", operations);
        Assert.DoesNotContain(operations, name => name.StartsWith("text_model.encoder.layers.2.", StringComparison.Ordinal));

        ModelInspection artefact = ModelInspection.Of(calibrated.Manifest), folder = ModelInspection.Of(calibrated.Pipeline.Root, clipSkip: 1);
        Assert.Equal((1, 1), (artefact.ClipSkip, folder.ClipSkip));
        Assert.Equal(artefact.Networks[0].MultiplyAccumulates, folder.Networks[0].MultiplyAccumulates);
        var text = new StringWriter();
        InspectCommand.Run(calibrated.Manifest, json: true, text);
        Assert.Equal(1, JsonDocument.Parse(text.ToString()).RootElement.GetProperty("clipSkip").GetInt32());
    }

    /// <summary>Whoever draws in FP32 beside an artefact need not be told again.</summary>
    [Fact]
    public void The_artefacts_model_is_read_as_it_was_calibrated()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(calibrated.Manifest);
        Assert.Equal(1, CalibratedModel.Import(calibrated.Manifest, artifact, calibrated.Pipeline.Root).Text!.ClipSkip);

        using var device = new CpuDevice(2);
        EvaluationReport report = ArtifactEvaluation.Run(calibrated.Manifest, calibrated.Pipeline.Root, new() { Images = 2, Ablation = false, Prompts = ["red", "b"] }, device, 2);
        Assert.InRange(report.Rows[1].PsnrDb!.Value.Value, 20, 80);

        var options = new SampleOptions { Seed = 3, Prompts = ["red a"] };
        using GalleryModel served = ServeCommand.Load(calibrated.Manifest, calibrated.Pipeline.Root, false, [], new(2), TextWriter.Null);
        Assert.Equal(Float32(1), served.Float32!.Sample(options).Pixels.ToArray());
        Assert.NotEqual(Float32(0), Float32(1));

        float[] Float32(int skip)
        {
            using Float32Sampler sampler = Float32Sampler.Create(Load(skip), null, 2, null, device);
            return sampler.Draw(new() { Seed = 3, Prompts = ["red a"] }).Pixels.ToArray();
        }
    }

    [Fact]
    public void Artefacts_of_other_numbers_differ()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(calibrated.Manifest)!)) File.Copy(file, folder.File(Path.GetFileName(file)));
        string other = folder.File(Path.GetFileName(calibrated.Manifest)), text = File.ReadAllText(other);
        Assert.Contains("\"clipSkip\": 1", text, StringComparison.Ordinal);
        File.WriteAllText(other, text.Replace("\"clipSkip\": 1", "\"clipSkip\": 2", StringComparison.Ordinal));
        Assert.Equal(new ArtifactDifference("prompt.clipSkip", "1", "2"), Assert.Single(ArtifactDifference.Between(calibrated.Manifest, other)));
    }

    [Theory]
    [InlineData("sample", "--prompt", "red", "--steps", "2", "--out", "out.png")]
    [InlineData("calibrate", "--prompts", "prompts.txt", "--steps", "2", "--out", "out")]
    [InlineData("export", "--part", "textEncoder", "--onnx", "out.onnx")]
    public void What_is_not_possible_is_bad_input_and_leaves_nothing(string command, params string[] options)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("prompts.txt"), "red\n");
        string[] arguments = [command, calibrated.Pipeline.Root, .. options.Select(o => o.Contains('.', StringComparison.Ordinal) || o == "out" ? folder.File(o) : o), "--clip-skip"];
        foreach (string skip in (string[])["3", "-1", "one"]) Assert.Equal(ExitCode.BadInput, Run(skip));
        Assert.Equal(["prompts.txt"], Directory.EnumerateFileSystemEntries(folder.Root).Select(Path.GetFileName));

        int Run(string skip) => ExitCode.Of(Commands.Create().Parse([.. arguments, skip]), new() { Output = TextWriter.Null, Error = TextWriter.Null });
    }

    [Fact]
    public void The_network_alone_has_no_text_encoder_to_export()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(ExitCode.BadInput, ExitCode.Of(Commands.Create().Parse(["export", calibrated.Pipeline.Root, "--onnx", folder.File("out.onnx"), "--clip-skip", "1"])));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Root));
    }

    private ImportedModel Load(int skip) => PipelineImporter.Load(calibrated.Pipeline.Root, "tiny", clipSkip: skip);

    /// <summary>One calibration for all of these tests.</summary>
    public sealed class Calibrated : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Calibrated()
        {
            using var device = new CpuDevice(2);
            Manifest = Calibrator.Run(PipelineImporter.Load(Pipeline.Root, "tiny", clipSkip: 1), s_options, _folder.Root, device, 2).ManifestPath;
        }

        internal TinyPipeline Pipeline { get; } = new(textLayers: 3);

        public string Manifest { get; }

        public void Dispose()
        {
            Pipeline.Dispose();
            _folder.Dispose();
        }
    }
}
