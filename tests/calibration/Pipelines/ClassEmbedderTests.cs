using Specializer.Calibration.Conversion;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Latent Diffusion's classes: a table beside the network makes one token of each.</summary>
public sealed class ClassEmbedderTests : IDisposable
{
    private const int Rows = 6, None = 5;

    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);

    public ClassEmbedderTests() => Synthesizer.Write(TinyLatentDiffusion.Recipe, _folder.File("model"), 3);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void An_artefact_looks_labels_up_before_the_first_step_and_draws_as_float32_does()
    {
        ImportedModel model = PipelineImporter.Load(_folder.File("model"), "ldm");
        Assert.Equal((Rows, None), (model.Classes, model.NullLabel));
        var options = new CalibrationOptions
        {
            Steps = 3, Eta = 0, Trajectories = 4, Guidance = 2, GuidanceMinimum = 1, GuidanceMaximum = 3, WeightBits = 8, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest,
            MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
        };
        string path = Calibrator.Run(model, options, _folder.File("out"), _device, 2).ManifestPath;
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        CalibrationManifest manifest = artifact.Manifest;
        Assert.Equal((Rows, None), (manifest.Model.Classes, manifest.Model.NullLabel));
        Assert.Equal(["label"], LinkedNetwork.Of(manifest).Given);
        Assert.Equal(["class_embedder"], manifest.Encoders.Select(e => e.Name));

        using InterpretedSampler float32 = InterpretedSampler.Float32(model, 3, 0, device: _device, guidance: 2), quantized = InterpretedSampler.FromArtifact(path, _device);
        var drawn = new SampleOptions { Count = 4, Seed = 9, Labels = [0, 1, 2, 3] };
        float[] expected = float32.Sample(drawn).Pixels.ToArray(), actual = quantized.Sample(drawn).Pixels.ToArray();
        // Another class is another picture, far beyond what rounding and the codebook's jumps do.
        double other = Error(expected[..(expected.Length / 4)], float32.Sample(drawn with { Count = 1, Labels = [4] }).Pixels.ToArray());
        Assert.InRange(Error(expected, actual), 0, 0.6 * other);

        static double Error(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - y, 2)).Sum() / a.Sum(x => x * x));
    }

    [Fact]
    public void Float32_pictures_follow_labels()
    {
        ImportedModel model = PipelineImporter.Load(_folder.File("model"));
        using Float32Sampler sampler = Float32Sampler.Create(model, null, 2, null, _device);
        ImageBatch images = sampler.Draw(new() { Count = 2, Labels = [1, 2], Guidance = 2 });
        Assert.Equal([1, 2], images.Ids.Select(i => i.Label));
        using InterpretedSampler same = InterpretedSampler.Float32(model, 2, null, device: _device, guidance: 2);
        float[] expected = same.Sample(new() { Count = 2, Labels = [1, 2] }).Pixels.ToArray();
        Assert.All(expected.Zip(images.Pixels.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
    }

    [Fact]
    public void Inspection_names_the_table()
    {
        ModelInspection inspection = ModelInspection.Of(_folder.File("model"));
        Assert.Equal(Rows, inspection.Classes);
        Assert.Empty(inspection.Refused);
        Assert.Contains(inspection.Networks, n => n.Name == "class_embedder" && n.Parameters >= Rows * TinyLatentDiffusion.Context);
    }

    /// <summary>The same of a network that reads labels as tokens as of one that reads prompts: nothing was computed by then.</summary>
    [Fact]
    public void Learned_rounding_is_refused_before_the_work()
    {
        var options = new CalibrationOptions { Rounding = RoundingChoice.Reconstruct };
        Assert.Contains("ldm reads more than its state (encoder_hidden_states)", Assert.Throws<ArgumentException>(() => options.Validate(PipelineImporter.Load(_folder.File("model"), "ldm"))).Message, StringComparison.Ordinal);
        using var pipeline = new TinyPipeline();
        Assert.Contains("learned rounding", Assert.Throws<ArgumentException>(() => (options with { Prompts = ["a"] }).Validate(PipelineImporter.Load(pipeline.Root))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_null_label_that_is_no_row_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PipelineImporter.Load(_folder.File("model"), nullLabel: Rows));
        string config = Path.Combine(_folder.File("model"), "class_embedder", "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"null_label\": 5", "\"null_label\": 6", StringComparison.Ordinal));
        Assert.Contains("null_label", Assert.Throws<ModelImportException>(() => PipelineImporter.Load(_folder.File("model"))).Message, StringComparison.Ordinal);
    }
}
