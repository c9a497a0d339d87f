using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Calibration.Tests;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Latent consistency models, which are told the scale of guidance beside the timestep: calibrated, generated, compiled and run.</summary>
public sealed class LatentConsistencyTests
{
    [Fact]
    public void Of_Stable_Diffusion_the_compiled_sampler_gives_the_interpreters_bits_in_any_batch()
    {
        using var pipeline = new TinyPipeline(guidance: 6);
        Check(pipeline.Root, ["red", "a"], ["a", "b", "red", "", "ab", "red a", "b a"]);
    }

    /// <summary>Whose scale adds to the time in the network, beside a text's summary.</summary>
    [Fact]
    public void Of_Stable_Diffusion_XL_the_compiled_sampler_gives_the_interpreters_bits_in_any_batch()
    {
        using var folder = new TemporaryFolder();
        PipelineRecipe small = PipelineRecipe.All.Single(r => r.Name == "small-sdxl");
        Synthesizer.Write(small with
        {
            Components = [.. small.Components.Select(c => c.Folder == "unet" ? c with { Configuration = c.Configuration.Replace("\"use_linear_projection\"", "\"time_cond_proj_dim\": 8, \"use_linear_projection\"", StringComparison.Ordinal) } : c)],
            Scheduler = PipelineRecipe.Noise("LCMScheduler", "epsilon"),
        }, folder.Root, 3);
        Check(folder.Root, ["a", "cat"], ["a", "ab", "cat", "b b b", "", "dog", "b a"]);
    }

    private static void Check(string model, string[] calibrated, string[] prompts)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions
        {
            Steps = 2, Trajectories = 2, Prompts = calibrated, Rounding = RoundingChoice.Nearest, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
        };
        string manifest = Calibrator.Run(PipelineImporter.Load(model, "tiny") with { EmbeddedGuidance = 7.3 }, options, folder.Root, device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out string source);
        Assert.Contains("EmbeddedGuidance = 7.3f,", source, StringComparison.Ordinal);
        Assert.Equal(7.3f, compiled.Description.EmbeddedGuidance);
        var request = new SampleOptions { Count = 7, Seed = 3, Prompts = prompts };
        float[] drawn = EveryBatch.Same(interpreted, compiled, request);
        Assert.Equal(7, drawn.Chunk(drawn.Length / 7).Select(picture => picture.Sum(p => (double)p)).Distinct().Count());
        Assert.Contains("7.3 is compiled in", Assert.Throws<ArgumentException>(() => compiled.Sample(request with { Guidance = 2 })).Message, StringComparison.Ordinal);
    }
}
