using Specializer.Gallery;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>What <c>serve</c> opens; the page itself has tests of its own (tests/gallery).</summary>
public sealed class ServeTests
{
    private static readonly string s_mnist = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");

    [Fact]
    public void An_artefact_is_shown_beside_the_model_that_lies_with_it()
    {
        var remarks = new StringWriter();
        using GalleryModel model = ServeCommand.Load(s_mnist, null, false, [], new(2), remarks);
        Assert.Equal(("mnist", "mnist"), (model.Description.Name, model.Float32!.Description.Name));
        Assert.Equal(model.Description.Steps.Select(s => (s.Timestep, s.Sigma)), model.Float32.Description.Steps.Select(s => (s.Timestep, s.Sigma)));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), model.Examples);
        Assert.Equal([7], model.Read(new("seven", 1, null)).Labels);
        Assert.Equal("", remarks.ToString());
        using GalleryModel alone = ServeCommand.Load(s_mnist, null, true, [], new(2), remarks);
        Assert.Null(alone.Float32);
    }

    [Fact]
    public void Without_its_model_an_artefact_is_shown_alone_and_the_page_says_why()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["mnist.calibration.json", "mnist.weights.safetensors"]) File.Copy(Path.Combine(s_mnist, name), folder.File(name));
        var remarks = new StringWriter();
        using (GalleryModel model = ServeCommand.Load(folder.File("mnist.calibration.json"), null, false, [], new(1), remarks)) Assert.Null(model.Float32);
        Assert.Contains("--model", remarks.ToString(), StringComparison.Ordinal);
        using GalleryModel named = ServeCommand.Load(folder.Root, s_mnist, false, [], new(1), remarks);
        Assert.NotNull(named.Float32);
    }

    [Fact]
    public void Models_with_a_text_encoder_take_any_prompt()
    {
        using var pipeline = new TinyPipeline();
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions { Steps = 2, Trajectories = 2, Prompts = ["red", "a"], GuidanceMaximum = 3, WeightBits = 8, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest };
        string manifest = Calibrator.Run(PipelineImporter.Load(pipeline.Root, "tiny"), options, folder.Root, device, 2).ManifestPath;
        using GalleryModel model = ServeCommand.Load(manifest, pipeline.Root, false, ["red"], new(2), TextWriter.Null);
        Assert.True(model.TakesPrompts);
        Assert.Equal(["red"], model.Examples);
        SampleOptions asked = model.Read(new(" red a ", 3, 2));
        Assert.Equal(["red a"], asked.Prompts);
        ImageBatch quantized = model.Quantized.Sample(asked), float32 = model.Float32!.Sample(asked);
        Assert.Equal((16, 16, 3), (quantized.Height, quantized.Width, quantized.Channels));
        Assert.NotEqual(float32.Pixels.ToArray(), model.Float32.Sample(asked with { Prompts = ["a"] }).Pixels.ToArray());
        Assert.Equal((16, 16, 3), (float32.Height, float32.Width, float32.Channels));
        Assert.Contains("Say what", Assert.Throws<ArgumentException>(() => model.Read(new(" ", 3, null))).Message, StringComparison.Ordinal);
        Assert.Contains("200", Assert.Throws<ArgumentException>(() => model.Read(new(new('a', 201), 3, null))).Message, StringComparison.Ordinal);
        Assert.Contains("Guidance", Assert.Throws<ArgumentException>(() => model.Read(new("red", 3, 4))).Message, StringComparison.Ordinal);
    }
}
