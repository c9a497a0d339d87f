using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Text encoders without their last layers, beside the reference library's networks: calibrated, generated, compiled and run.</summary>
public sealed class ClipSkipTests
{
    private static readonly PipelineRecipe s_xl = PipelineRecipe.All.Single(r => r.Name == "small-sdxl");

    [SharedFact("golden/small-sd15")]
    public void Stable_Diffusion_gives_the_interpreters_bits()
    {
        RecipeComponent text = new("text_encoder", s_xl.Components[1].Configuration.Replace("\"hidden_size\": 24", "\"hidden_size\": 40", StringComparison.Ordinal));
        RecipeComponent network = new("unet", File.ReadAllText(Path.Combine(SharedData.Golden("small-sd15"), "config.json")));
        string[] encoder = Check(new("small-sd15", "StableDiffusionPipeline", [s_xl.Components[0], text, network], PipelineRecipe.Noise("DDIMScheduler", "epsilon")));
        Assert.Contains(encoder, name => name.StartsWith("text_model.encoder.layers.0.", StringComparison.Ordinal));
        Assert.DoesNotContain(encoder, name => name.StartsWith("text_model.encoder.layers.1.", StringComparison.Ordinal));
    }

    /// <summary>Of two layers one is never read, so that the embeddings remain; the summary is of all layers.</summary>
    [SharedFact("golden/small-sdxl")]
    public void Stable_Diffusion_XL_gives_the_interpreters_bits()
    {
        string[] encoders = Check(s_xl);
        Assert.Contains("first.text_model.embeddings", encoders);
        Assert.DoesNotContain(encoders, name => name.StartsWith("first.text_model.encoder.", StringComparison.Ordinal));
        Assert.Contains(encoders, name => name.StartsWith("second.text_model.encoder.layers.1.", StringComparison.Ordinal));
    }

    /// <summary>Operations of the text encoder.</summary>
    private static string[] Check(PipelineRecipe recipe)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(recipe, folder.File("model"), 3);
        foreach (string file in (string[])["config.json", "diffusion_pytorch_model.safetensors"])
            File.WriteAllBytes(folder.File($"model/unet/{file}"), File.ReadAllBytes(Path.Combine(SharedData.Golden(recipe.Name), file)));
        var options = new CalibrationOptions { Steps = 2, Trajectories = 4, Prompts = ["a", "cat"], Guidance = 2, GuidanceMinimum = 1, GuidanceMaximum = 3, Rounding = RoundingChoice.Nearest };
        string manifest = Calibrator.Run(PipelineImporter.Load(folder.File("model"), "tiny", clipSkip: 1), options, folder.File("out"), device, 2).ManifestPath;

        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out _);
        var request = new SampleOptions { Count = 7, Seed = 3, Prompts = ["a", "ab", "cat b", "b", "dog", "", "cat"], NegativePrompt = "dog" };
        foreach (float guidance in (float[])[1, 2])
        {
            float[] drawn = EveryBatch.Same(interpreted, compiled, request with { Guidance = guidance });
            Assert.Equal(7, drawn.Chunk(drawn.Length / 7).Select(picture => picture.Sum(p => (double)p)).Distinct().Count());
        }

        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifest);
        Assert.Equal(1, artifact.Manifest.Prompt!.ClipSkip);
        return [.. artifact.Manifest.Encoders.Single().Network.Operations.Select(o => o.Name)];
    }
}
