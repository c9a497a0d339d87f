namespace Specializer.Generator.Tests;

/// <summary>What is printed, whole; and that it compiles without a warning.</summary>
public sealed class SamplerEmitterTests
{
    [Fact]
    public Task One_convolution() => Snapshot.Verify(Print(new ManifestBuilder { Name = "one-layer", Scheduler = "ddim", Clip = false, MeanCorrection = "off", Steps = 1 }.WithOneConvolution()));

    [Fact]
    public Task Every_operation() => Snapshot.Verify(Print(new ManifestBuilder { FirstStepsAtFourBits = 1 }.WithEveryOperation()));

    [Fact]
    public Task Quantized_attention() => Snapshot.Verify(Print(new ManifestBuilder { Steps = 1, ProductBits = 8 }.WithEveryOperation()));

    [Fact]
    public Task Class_conditional_with_guidance() =>
        Snapshot.Verify(Print(new ManifestBuilder { Name = "digits", Classes = 11, EmbeddingWidth = 16, Guided = true, MeanCorrection = "mmse", Channels = 3 }.WithEveryOperation(),
            ("Namespace", "My.Samplers"), ("ClassName", "Digits"), ("Accessibility", "public")));

    [Fact]
    public Task Steps_of_two_widths() => Snapshot.Verify(Print(new ManifestBuilder { Steps = 4, FirstStepsAtFourBits = 2 }.WithTwoConvolutions()));

    [Fact]
    public Task Operations_on_maps() => Snapshot.Verify(Print(new ManifestBuilder { Steps = 1, ProductBits = 8 }.WithMapOperations()));

    [Fact]
    public Task Several_networks() => Snapshot.Verify(Print(new ManifestBuilder { Guided = true }.WithNetworks()));

    [Fact]
    public Task Runs_that_begin_with_pictures() => Snapshot.Verify(Print(new ManifestBuilder { Pictures = true }.WithNetworks()));

    [Theory]
    [InlineData(409, 409)]
    [InlineData(410, 1)]
    public void Scales_are_named_in_each_step_of_few_and_in_the_first_of_many(int steps, int named)
    {
        var builder = new ManifestBuilder { Steps = steps, Size = 1, MeanCorrection = "off" };
        builder.Map("latent", 1, 1);
        builder.Convolution("conv_out", "latent", builder.Map("epsilon", 1, 1), weightBits: 32);
        for (int i = 0; i < 20; i++) builder.Quantize($"block{i}.quantize", "latent", builder.Map($"q{i}", 1, 1, "quantized8"));
        Generated generated = GeneratorHarness.Run(ManifestBuilder.Compact(builder.ToJson()));
        Assert.Empty(generated.Diagnostics);
        Assert.Equal(named, generated.Source.Split("f, // block7").Length - 1);
        Assert.Equal(steps - named, generated.Source.Split("scales: // in the order of Step").Length - 1);
    }

    [Fact]
    public async Task Stub_of_a_wrong_manifest()
    {
        Generated generated = GeneratorHarness.Run("{}").Compiles();
        Assert.NotEmpty(generated.Diagnostics);
        await Snapshot.Verify(generated.Source);
    }

    private static string Print(ManifestBuilder builder, params (string Key, string Value)[] metadata) => Print(builder.ToString(), metadata);

    private static string Print(string manifest, params (string Key, string Value)[] metadata)
    {
        Generated generated = GeneratorHarness.Run(manifest, metadata);
        Assert.Empty(generated.Diagnostics);
        return generated.Compiles().Source;
    }
}
