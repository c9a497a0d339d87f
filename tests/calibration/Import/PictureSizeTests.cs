using Specializer.Calibration.Conversion;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Pictures of another size than the configuration names.</summary>
public class PictureSizeTests
{
    private static PipelineRecipe Unconditional { get; } = TinyLatentDiffusion.Recipe with
    {
        Components = [TinyLatentDiffusion.Recipe.Components[0], new("unet", """{"_class_name": "UNet2DModel", "sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [32, 64], "layers_per_block": 1, "down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"]}""")],
    };

    [Fact]
    public void A_latent_model_is_calibrated_and_evaluated_at_the_size_that_is_asked_for()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(TinyLatentDiffusion.Recipe, folder.File("model"), 3);
        ImportedModel model = PipelineImporter.Load(folder.File("model"), "tiny", size: (18, 10)), own = PipelineImporter.Load(folder.File("model"), "tiny");
        Assert.Equal((9, 5, 18, 10), (model.Height, model.Width, model.Picture.Height, model.Picture.Width));
        Assert.NotEqual(own.ConfigurationSha256, model.ConfigurationSha256);

        var options = new CalibrationOptions { Steps = 2, Trajectories = 2, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest };
        string manifest = Calibrator.Run(model, options, folder.File("out"), device, 2).ManifestPath;
        EvaluationReport report = ArtifactEvaluation.Run(manifest, folder.File("model"), new() { Images = 2, Ablation = false }, device, 2);
        Assert.InRange(report.Rows[1].PsnrDb!.Value.Value, 10, 80);
    }

    [Fact]
    public void A_latent_model_is_inspected_at_the_size_that_is_asked_for_and_an_artefact_at_its_own()
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write(TinyLatentDiffusion.Recipe, folder.File("model"), 3);
        ModelInspection own = ModelInspection.Of(folder.File("model")), large = ModelInspection.Of(folder.File("model"), (32, 32));
        Assert.Equal([16, 16, 3], large.Extents);
        Assert.Equal(own.Sampler!.WeightBytes, large.Sampler!.WeightBytes);
        Assert.InRange(large.ActivationBytes!.Value, 3.5 * own.ActivationBytes!.Value, 4.5 * own.ActivationBytes.Value);
        Assert.True(large.CalibrationBytes > own.CalibrationBytes);
        string artefact = Path.Combine(ModelFolder.Source, "mnist.calibration.json");
        Assert.Contains("compiled in", Assert.Throws<ArgumentException>(() => ModelInspection.Of(artefact, (32, 32))).Message, StringComparison.Ordinal);
    }

    /// <summary>The network is told the size that it draws: the sinusoids of it are in a bias.</summary>
    [Fact]
    public void Stable_Diffusion_XL_is_told_its_size()
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write("small-sdxl", folder.File("model"), 3);
        ImportedModel own = Load(null), same = Load((16, 16)), wide = Load((16, 32));
        Assert.Equal((8, 16), (wide.Height, wide.Width));
        const string bias = "add_embedding.linear_1.bias";
        Assert.Equal(own.Weights[bias], same.Weights[bias]);
        Assert.NotEqual(own.Weights[bias], wide.Weights[bias]);

        ImportedModel Load((int, int)? size) => PipelineImporter.Load(folder.File("model"), size: size);
    }

    /// <summary>Each of the network's two levels, and the decoder's, halves a picture. 18 rows would be 9 of the state and 4 or 5 of the lower level, which do not double to 9:
    /// an unconditional network has no other way back, a conditional one enlarges to the size of the skip connection.</summary>
    [Theory]
    [InlineData(17, 16, 4, "sizes are 16x16 and 20x16")]
    [InlineData(18, 16, 4, "sizes are 16x16 and 20x16")]
    [InlineData(18, 22, 4, "sizes are 16x20 and 20x24")]
    [InlineData(16, 0, 4, "size is 16x4")]
    [InlineData(8194, 16, 4, "size is 8192x16")]
    [InlineData(16, int.MaxValue, 4, "size is 16x8192")]
    [InlineData(17, 16, 2, "sizes are 16x16 and 18x16")]
    [InlineData(8194, 0, 2, "size is 8192x2")]
    public void A_size_that_is_not_possible_is_refused_and_the_nearest_are_named(int height, int width, int multiple, string nearest)
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write(multiple == 2 ? TinyLatentDiffusion.Recipe : Unconditional, folder.File("model"), 3);
        var e = Assert.Throws<ArgumentException>(() => PipelineImporter.Load(folder.File("model"), size: (height, width)));
        Assert.Contains($"Pictures of {height}x{width} pixels", e.Message, StringComparison.Ordinal);
        Assert.Contains($"multiples of {multiple}, up to 8192", e.Message, StringComparison.Ordinal);
        Assert.EndsWith($" {nearest}.", e.Message, StringComparison.Ordinal);
    }
}
