using Specializer.Calibration;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>The shipped model from text to picture, whose two solvers share a file of weights.</summary>
public sealed class EmojiSamplerTests
{
    private static string Folder { get; } = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "emoji");

    [Theory]
    [InlineData("ddim")]
    [InlineData("dpmsolverpp")]
    public void The_compiled_sampler_reads_prompts_and_gives_the_interpreters_bits(string solver)
    {
        string manifest = Path.Combine(Folder, $"emoji-{solver}.calibration.json");
        using var device = new CpuDevice(2);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out _);
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        var options = new SampleOptions { Count = 3, Seed = 1, Prompts = ["red heart", "pizza", "cat face"] };

        ImageBatch images = compiled.Sample(options);

        Assert.Equal((64, 64, 3), (images.Height, images.Width, images.Channels));
        Assert.Equal(interpreted.Sample(options).Pixels.ToArray(), images.Pixels.ToArray());
        // A heart's middle is red, and its corners are as white as those of all pictures that the model learned.
        Assert.InRange(Middle(images[0], channel: 0), 0.4f, 1.05f);
        Assert.InRange(Middle(images[0], channel: 1), -1.05f, 0);
        Assert.All(Enumerable.Range(0, 3), channel => Assert.InRange(images[0][channel], 0.9f, 1.05f));
    }

    [Fact]
    public void Pictures_lie_as_near_to_FP32s_as_the_model_card_says()
    {
        using var device = new CpuDevice(2);
        using InterpretedSampler quantized = InterpretedSampler.FromArtifact(Path.Combine(Folder, "emoji-ddim.calibration.json"), device);
        using InterpretedSampler float32 = InterpretedSampler.Float32(PipelineImporter.Load(Folder), quantized.Description.Steps.Count, 0, "ddim", device, quantized.Description.Guidance);
        var options = new SampleOptions { Count = 6, Seed = 1, Prompts = ["red heart", "pizza", "cat face", "rocket", "star", "penguin"] };

        var pairs = new PairedImages(float32.Sample(options).Pixels.Span, quantized.Sample(options).Pixels.Span, 64 * 64 * 3);

        // 512 pictures have 29.2 dB; six may lie on either side of it, and pictures of other prompts are 10 dB away.
        Assert.True(pairs.PooledPsnrDb().Value > 25);
    }

    private static float Middle(ReadOnlySpan<float> picture, int channel) => picture[(32 * 64 + 32) * 3 + channel];
}
