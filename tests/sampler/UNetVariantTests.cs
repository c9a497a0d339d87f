using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>What the shipped model's <c>UNet2DModel</c> leaves at its default: calibrated, generated, compiled and run.</summary>
public sealed class UNetVariantTests
{
    private const string ScaleShift = "\"resnet_time_scale_shift\": \"scale_shift\"", Resamplers = "\"downsample_type\": \"resnet\", \"upsample_type\": \"resnet\"",
        Centered = "\"center_input_sample\": true", Learned = "\"time_embedding_type\": \"learned\"", Fourier = "\"time_embedding_type\": \"fourier\"",
        Labels = "\"num_class_embeds\": 4", Numbers = $"{Labels}, \"class_embed_type\": \"timestep\"";

    /// <param name="properties">Of the network.</param>
    /// <param name="printed">What stands in the source then, if anything does.</param>
    [Theory]
    [InlineData(ScaleShift, "run.ScaleShift<")]
    [InlineData(Resamplers, "run.Resample<")]
    [InlineData("\"act_fn\": \"mish\"", "Nonlinearity.Mish")]
    [InlineData("\"act_fn\": \"gelu\"", "Nonlinearity.Gelu")]
    [InlineData("\"act_fn\": \"relu\"", "Nonlinearity.Relu")]
    [InlineData(Centered, "run.MapLinear<")]
    [InlineData(Learned)]
    [InlineData(Numbers)]
    [InlineData($"{ScaleShift}, {Resamplers}, {Centered}, {Learned}, \"act_fn\": \"mish\"", "Nonlinearity.Mish")]
    [InlineData($"{ScaleShift}, {Resamplers}, {Centered}, {Learned}, {Labels}", "run.ScaleShift<")]
    [InlineData($"{ScaleShift}, {Resamplers}, {Centered}, {Fourier}, \"act_fn\": \"mish\"", "Nonlinearity.Mish")]
    public void The_compiled_sampler_gives_the_interpreters_bits(string properties, string printed = "")
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        Synthesizer.Write(new PipelineRecipe("variant", "DDPMPipeline",
            [
                new("unet", $$"""{"_class_name": "UNet2DModel", "sample_size": 8, "block_out_channels": [16, 32], "layers_per_block": 1, "down_block_types": ["AttnDownBlock2D", "DownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 4, "num_train_timesteps": 1000, {{properties}}}"""),
            ], """{"_class_name": "DDPMScheduler", "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "clip_sample": true, "steps_offset": 1}"""), folder.File("model"), 3);
        bool labels = properties.Contains(Labels, StringComparison.Ordinal);
        ImportedModel model = PipelineImporter.Load(folder.File("model"), nullLabel: labels ? 3 : null);
        var options = new CalibrationOptions
        {
            Steps = 4, Eta = 1, Trajectories = 2, Policy = BitPolicy.Preset, Rounding = RoundingChoice.Nearest, GuidanceMaximum = labels ? 2 : 1,
            MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On,
        };
        string manifest = Calibrator.Run(model, options, folder.File("out"), device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out string source);
        Assert.Contains(printed, source, StringComparison.Ordinal);
        var asked = new SampleOptions { Count = 7, Seed = 5, Labels = labels ? [0, 1, 2, 3, 0, 1, 2] : [] };
        float[] drawn = EveryBatch.Same(interpreted, compiled, asked);
        Assert.True(drawn.Distinct().Count() > drawn.Length / 4, "The pictures are nearly constant: the comparison says little.");
        if (labels) Assert.NotEqual(drawn, EveryBatch.Same(interpreted, compiled, asked with { Guidance = 2 }));
    }
}
