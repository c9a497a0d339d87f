using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Calibration.Tests;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Pipelines of latent diffusion by other parts than <see cref="ConditionalSamplerTests"/> has: calibrated, generated, compiled and run, also from pictures.</summary>
public sealed class LatentPipelineTests
{
    private const string TinyAutoencoder = """{"_class_name": "AutoencoderTiny", "latent_channels": 3, "encoder_block_out_channels": [16, 16], "decoder_block_out_channels": [16, 16], "num_encoder_blocks": [1, 1], "num_decoder_blocks": [1, 1]}""",
        Unconditional = """{"_class_name": "UNet2DModel", "sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [32, 64], "layers_per_block": 1, "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 8}""";

    /// <summary>Latents that an <c>AutoencoderTiny</c> makes and decodes, with labels that a table turns into tokens.</summary>
    [Fact]
    public void A_tiny_autoencoder_with_classes() => Same(TinyLatentDiffusion.Recipe with
    {
        Components = [new("vae", TinyAutoencoder), .. TinyLatentDiffusion.Recipe.Components.Where(c => c.Folder != "vqvae")],
    }, guidance: 2);

    /// <summary>The whole of LDM-4's ImageNet model, small: <c>VQModel</c>, one token of context, guidance.</summary>
    [Fact]
    public void Classes_as_one_token() => Same(TinyLatentDiffusion.Recipe, guidance: 2);

    /// <summary>As <c>ldm-celebahq-256</c>.</summary>
    [Fact]
    public void Unconditional_latent_diffusion() => Same(TinyLatentDiffusion.Recipe with { Components = [TinyLatentDiffusion.Recipe.Components[0], new("unet", Unconditional)] }, guidance: 1);

    private static void Same(PipelineRecipe recipe, double guidance)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(recipe, folder.File("model"), 3);
        ImportedModel model = PipelineImporter.Load(folder.File("model"), "tiny", encoder: true);
        var options = new CalibrationOptions
        {
            Steps = 3, Trajectories = 2, Guidance = guidance, GuidanceMaximum = guidance == 1 ? 1 : 3, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, ImageToImage = true,
        };
        string manifest = Calibrator.Run(model, options, folder.File("out"), device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out _);
        var asked = new SampleOptions { Count = 7, Seed = 9, Labels = guidance == 1 ? [] : [0, 1, 2, 3, 4, 5, 0] };
        ImageBatch drawn = interpreted.Sample(asked), without = interpreted.Sample(asked with { Guidance = 1 });
        for (int capacity = 1; capacity <= 7; capacity++)
        {
            using SamplerSession session = compiled.CreateSession(capacity);
            Assert.Equal(without.Pixels.ToArray(), session.Sample(asked with { Guidance = 1 }).Pixels.ToArray());
            // Guidance evaluates each picture twice.
            if (guidance == 1 || capacity > 1) Assert.Equal(drawn.Pixels.ToArray(), session.Sample(asked).Pixels.ToArray());
        }

        Assert.Equal(guidance == 1, drawn.Pixels.Span.SequenceEqual(without.Pixels.Span));
        Assert.Equal((16, 16, 3), (drawn.Height, drawn.Width, drawn.Channels));
        Assert.All(drawn.Pixels.ToArray(), p => Assert.True(float.IsFinite(p)));
        Assert.True(drawn.Pixels.ToArray().Distinct().Count() > drawn.Pixels.Length / 4, "The pictures are nearly constant: the comparison says little.");
        Assert.Equal(drawn.Pixels.ToArray(), compiled.Sample(asked).Pixels.ToArray());
        SampleOptions image = asked with { Image = drawn, Strength = 0.5, Mask = [.. Enumerable.Range(0, 256).Select(i => i % 16 < 8)], Seed = 10 };
        Assert.Equal(interpreted.Sample(image).Pixels.ToArray(), compiled.Sample(image).Pixels.ToArray());
    }
}
