using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Stable Diffusion XL, small: two text encoders, a text's summary, sizes that are compiled in. Calibrated, generated, compiled and run.</summary>
public sealed class StableDiffusionXlTests(StableDiffusionXlTests.Artefact artefact) : IClassFixture<StableDiffusionXlTests.Artefact>
{
    private static readonly SampleOptions s_options = new() { Count = 7, Seed = 3, FirstImage = 2, Prompts = ["a", "ab", "cat", "b b b b b b b b b b b b", "", "dog", "b a"] };

    [Theory]
    [InlineData(1f)]
    [InlineData(2.5f)]
    public void The_compiled_sampler_gives_the_interpreters_bits_in_any_batch(float guidance)
    {
        SampleOptions[] requests = [s_options with { Guidance = guidance }, .. guidance == 1 ? (SampleOptions[])[] : [s_options with { Guidance = guidance, NegativePrompt = "" }, s_options with { Guidance = guidance, NegativePrompt = "dog" }]];
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        float[] expected = EveryBatch.Same(interpreted, artefact.Compiled, requests);
        // Prompts matter, and so does whether no text or the empty one is led away from.
        Assert.Equal(7 * requests.Length, expected.Chunk(16 * 16 * 3).Select(picture => picture.Sum(p => (double)p)).Distinct().Count());
    }

    [Fact]
    public void The_manifest_says_how_prompts_enter()
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(artefact.ManifestPath);
        CalibrationManifest manifest = artifact.Manifest;
        Assert.Equal(["encoder_hidden_states", "encoder_hidden_states_2", "text_embeds"], manifest.Network.Inputs);
        Assert.Equal(("ids", "ids_2", "none"), (manifest.Prompt!.Input, manifest.Prompt.Second, manifest.Prompt.None));
        Assert.Equal(["ids", "ids_2", "none"], LinkedNetwork.Of(manifest).Given.Order(StringComparer.Ordinal));
        Assert.Contains("run.Select<", artefact.Source, StringComparison.Ordinal);
    }

    /// <summary>FP32's own sampler and the interpreted FP32 network take the same way: tokens, filling, zeros.</summary>
    [Fact]
    public void Float32_draws_the_same_by_either_way()
    {
        using InterpretedSampler interpreted = InterpretedSampler.Float32(artefact.Model, 2, device: artefact.Device);
        using Float32Sampler float32 = Float32Sampler.Create(artefact.Model, null, 2, null, artefact.Device);
        foreach (string? negative in (string?[])[null, "", "b"])
        {
            Assert.Equal(interpreted.Sample(new() { Count = 2, Seed = 4, Prompts = ["a", "cat"], NegativePrompt = negative, Guidance = 3 }).Pixels.ToArray(),
                float32.Draw(new() { Count = 2, Seed = 4, Prompts = ["a", "cat"], NegativePrompt = negative, Guidance = 3 }).Pixels.ToArray());
        }
    }

    /// <summary>Runs that begin with pictures, and what a mask keeps of them.</summary>
    [Fact]
    public void Pictures_are_taken()
    {
        SampleOptions image = s_options with { Image = artefact.Compiled.Sample(s_options), Strength = 0.7, Mask = [.. Enumerable.Range(0, 256).Select(i => i < 128)] };
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(artefact.ManifestPath, artefact.Device);
        foreach (float guidance in (float[])[1, 2]) EveryBatch.Same(interpreted, artefact.Compiled, image with { Guidance = guidance });
    }

    /// <summary>SDXL-Turbo: no guidance, one step or four, ancestral Euler with trailing timesteps.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Few_steps_without_guidance(int steps)
    {
        using var folder = new TemporaryFolder();
        Synthesizer.Write("small-sdxl", folder.File("model"), 5);
        File.WriteAllText(folder.File("model/scheduler/scheduler_config.json"), PipelineRecipe.All.Single(r => r.Name == "sdxl-turbo").Scheduler);
        ImportedModel model = PipelineImporter.Load(folder.File("model"), "turbo");
        var options = new CalibrationOptions { Steps = steps, Trajectories = 4, Prompts = ["a", "cat"], Guidance = 1, GuidanceMaximum = 1, Rounding = RoundingChoice.Nearest };
        string manifest = Calibrator.Run(model, options, folder.File("out"), artefact.Device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, artefact.Device);
        using Sampler compiled = CompiledArtifact.Load(manifest, artefact.Device, out _);
        Assert.Equal(steps, compiled.Description.Steps.Count);
        float[] expected = EveryBatch.Same(interpreted, compiled, s_options);
        Assert.Equal(7, expected.Chunk(16 * 16 * 3).Select(picture => picture.Sum(p => (double)p)).Distinct().Count());
        Assert.Contains("Guidance 2", Assert.Throws<ArgumentException>(() => compiled.Sample(s_options with { Guidance = 2 })).Message, StringComparison.Ordinal);
    }

    /// <summary>One calibration and compilation for these tests; the network's weights are the reference library's where they are there.</summary>
    public sealed class Artefact : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Artefact()
        {
            Synthesizer.Write("small-sdxl", _folder.File("model"), 3);
            if (SharedData.Missing(["golden/small-sdxl"]) is null)
            {
                foreach (string file in (string[])["config.json", "diffusion_pytorch_model.safetensors"])
                    File.WriteAllBytes(_folder.File($"model/unet/{file}"), File.ReadAllBytes(Path.Combine(SharedData.Golden("small-sdxl"), file)));
            }

            Model = PipelineImporter.Load(_folder.File("model"), "tiny", encoder: true);
            var options = new CalibrationOptions { Steps = 3, Trajectories = 16, Prompts = ["a", "cat", "b", "dog"], ImageToImage = true, Guidance = 2, GuidanceMinimum = 1, GuidanceMaximum = 3 };
            ManifestPath = Calibrator.Run(Model, options, _folder.File("out"), Device, 2).ManifestPath;
            Compiled = CompiledArtifact.Load(ManifestPath, Device, out string source);
            Source = source;
        }

        public CpuDevice Device { get; } = new(2);

        public ImportedModel Model { get; }

        public string ManifestPath { get; }

        public Sampler Compiled { get; }

        public string Source { get; }

        public void Dispose()
        {
            Compiled.Dispose();
            Device.Dispose();
            _folder.Dispose();
        }
    }
}
