using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Calibration.Tests;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Pipelines of latent diffusion by other parts than <see cref="ConditionalSamplerTests"/> has: calibrated, generated, compiled and run, also from pictures.</summary>
public sealed class LatentPipelineTests
{
    private const string TinyAutoencoder = """{"_class_name": "AutoencoderTiny", "latent_channels": 3, "encoder_block_out_channels": [16, 16], "decoder_block_out_channels": [16, 16], "num_encoder_blocks": [1, 1], "num_decoder_blocks": [1, 1]}""",
        Unconditional = """{"_class_name": "UNet2DModel", "sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [32, 64], "layers_per_block": 1, "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 8}""",
        ThreeLevels = """{"_class_name": "UNet2DConditionModel", "sample_size": 8, "in_channels": 3, "out_channels": 3, "block_out_channels": [32, 32, 64], "cross_attention_dim": 24, "layers_per_block": 1, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "attention_head_dim": 2}""";

    private static readonly SampleOptions s_classes = new() { Labels = [0, 1, 2, 3, 4, 5, 0], Guidance = 2 };

    /// <summary>Latents that an <c>AutoencoderTiny</c> makes and decodes, with labels that a table turns into tokens.</summary>
    [Fact]
    public void A_tiny_autoencoder_with_classes() => Same(TinyLatentDiffusion.Recipe with
    {
        Components = [new("vae", TinyAutoencoder), .. TinyLatentDiffusion.Recipe.Components.Where(c => c.Folder != "vqvae")],
    }, s_classes);

    /// <summary>The whole of LDM-4's ImageNet model, small: <c>VQModel</c>, one token of context, guidance.</summary>
    [Fact]
    public void Classes_as_one_token() => Same(TinyLatentDiffusion.Recipe, s_classes);

    /// <summary>Latents that the three levels do not halve, 5×7 and 9×6.</summary>
    [Theory]
    [InlineData(10, 14)]
    [InlineData(18, 12)]
    public void Sizes_that_the_levels_do_not_halve(int height, int width) => Same(
        TinyLatentDiffusion.Recipe with { Components = [.. TinyLatentDiffusion.Recipe.Components.Select(c => c.Folder == "unet" ? new("unet", ThreeLevels) : c)] }, s_classes, (height, width));

    /// <summary>As <c>ldm-celebahq-256</c>.</summary>
    [Fact]
    public void Unconditional_latent_diffusion() => Same(TinyLatentDiffusion.Recipe with { Components = [TinyLatentDiffusion.Recipe.Components[0], new("unet", Unconditional)] }, new() { Guidance = 1 });

    /// <summary>Stable Diffusion 2's kinds of part: a text encoder with <c>gelu</c>, linear projections around transformers, heads by level, a network that predicts v. And a table of labels beside the prompts, as its
    /// upscaler has for the noise of what it enlarges: none means "none", so that guidance leaves each picture its own.</summary>
    [Fact]
    public void Stable_Diffusion_2_and_labels() => Same(new("sd2", "StableDiffusionPipeline",
        [
            TinyInpainting.Recipe.Components[0],
            new("text_encoder", TinyInpainting.Recipe.Components[1].Configuration.Replace("{", """{"hidden_act": "gelu", """, StringComparison.Ordinal)),
            new("unet", """{"_class_name": "UNet2DConditionModel", "num_class_embeds": 4, "attention_head_dim": [2, 4], "block_out_channels": [32, 64], "cross_attention_dim": 24, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "layers_per_block": 1, "norm_num_groups": 8, "sample_size": 8, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "use_linear_projection": true}"""),
        ], PipelineRecipe.Noise("DDIMScheduler", "v_prediction")),
        new() { Prompts = ["a", "ab", "cat", "b b b b b b b b b b b b", "", "dog", "b a"], NegativePrompt = "dog", Labels = [0, 1, 2, 3, 0, 1, 2], Guidance = 2 });

    /// <param name="recipe">The pipeline.</param>
    /// <param name="asked">What each of seven pictures is of; the guidance is the strongest that is calibrated for.</param>
    /// <param name="size">Rows and columns of a picture; null for the 16×16 of the recipe.</param>
    private static void Same(PipelineRecipe recipe, SampleOptions asked, (int Height, int Width)? size = null)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(recipe, folder.File("model"), 3);
        ImportedModel model = PipelineImporter.Load(folder.File("model"), "tiny", encoder: true, size: size);
        float guidance = asked.Guidance!.Value;
        var options = new CalibrationOptions
        {
            Steps = 3, Trajectories = 2, Prompts = [.. asked.Prompts.Take(2)], Guidance = guidance, GuidanceMaximum = guidance, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, ImageToImage = true,
        };
        string manifest = Calibrator.Run(model, options, folder.File("out"), device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out _);
        var (height, width) = size ?? (16, 16);
        Assert.Equal((height, width), (compiled.Description.Height, compiled.Description.Width));
        asked = asked with { Count = 7, Seed = 9 };
        SampleOptions image = asked with { Image = compiled.Sample(asked), Strength = 0.5, Mask = [.. Enumerable.Range(0, height * width).Select(i => i % width < width / 2)], Seed = 10 };
        float[] drawn = EveryBatch.Same(interpreted, compiled, asked, image)[..(7 * height * width * 3)];
        Assert.True(drawn.Distinct().Count() > drawn.Length / 4, "The pictures are nearly constant: the comparison says little.");
        if (guidance != 1) Assert.NotEqual(drawn, EveryBatch.Same(interpreted, compiled, asked with { Guidance = 1 }));
    }
}
