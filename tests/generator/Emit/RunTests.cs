using System.Reflection;
using System.Text.Json.Nodes;

namespace Specializer.Generator.Tests;

/// <summary>Generated samplers, compiled and run on the CPU with random weights.</summary>
public sealed class RunTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [InlineData(false, 8)]
    public void Every_operation_is_compiled_and_run(bool guided, int productBits = 32)
    {
        var builder = guided
            ? new ManifestBuilder { Steps = 4, FirstStepsAtFourBits = 2, Classes = 3, EmbeddingWidth = 16, Guided = true, Channels = 3 }
            : new ManifestBuilder { Steps = 4, FirstStepsAtFourBits = 2, ProductBits = productBits };
        string manifest = builder.WithEveryOperation().ToString();
        Draw(manifest, guided);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(8)]
    public void Operations_between_maps_are_compiled_and_run(int productBits)
    {
        string manifest = new ManifestBuilder { Steps = 2, ProductBits = productBits }.WithMapOperations().ToString();
        Draw(manifest, guided: false);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Several_networks_are_compiled_and_run(bool guided)
    {
        string manifest = new ManifestBuilder { Steps = 4, FirstStepsAtFourBits = 2, Guided = true, Pictures = guided }.WithNetworks().ToString();
        Assert.Equal((guided ? 2 : 1) * 3 * 16 * 16 * 3, Draw(manifest, guided).Length);
    }

    [Fact]
    public void Guidance_uses_the_compiled_moments()
    {
        string manifest = new ManifestBuilder { Steps = 2, Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString();
        Assert.NotEqual(Draw(manifest, guided: true), Draw(manifest, guided: false));
    }

    [Fact]
    public void Other_weights_are_refused_and_those_of_a_manifest_with_equal_weights_accepted()
    {
        string manifest = new ManifestBuilder().WithOneConvolution().ToString();
        byte[] foreign = CompiledSampler.Pack(manifest.Replace(new string('b', 64), new string('c', 64), StringComparison.Ordinal));
        SamplerMismatchException e = Assert.Throws<SamplerMismatchException>(() => CompiledSampler.Load(manifest, foreign).Dispose());
        Assert.Contains("are not those", e.Message, StringComparison.Ordinal);

        CompiledSampler.Load(manifest, CompiledSampler.Pack(new ManifestBuilder { Name = "other", MeanCorrection = "off", Clip = false }.WithOneConvolution().ToString().Replace("other.weights", "tiny.weights", StringComparison.Ordinal))).Dispose();
    }

    [Fact]
    public void Steps_out_of_range_are_refused()
    {
        string manifest = new ManifestBuilder().WithOneConvolution().ToString();
        using Sampler sampler = CompiledSampler.Load(manifest, CompiledSampler.Pack(manifest));
        MethodInfo run = sampler.GetType().GetMethod("RunStep", BindingFlags.Instance | BindingFlags.NonPublic)!;
        Assert.IsType<ArgumentOutOfRangeException>(Assert.Throws<TargetInvocationException>(() => run.Invoke(sampler, [2, null])).InnerException);
    }

    [Fact]
    public void The_description_says_what_the_manifest_says()
    {
        string manifest = new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString();
        using Sampler sampler = CompiledSampler.Load(manifest, CompiledSampler.Pack(manifest));
        SamplerDescription d = sampler.Description;
        Assert.Equal(("tiny", 8, 8, 1, 3, 2), (d.Name, d.Height, d.Width, d.Channels, d.Classes, d.NullLabel));
        Assert.Equal((1f, 1f, 4f), (d.Guidance, d.GuidanceMinimum, d.GuidanceMaximum));
        Assert.Equal((21.3, 123456789L, 4L * 1114209), (d.BitOperationsSaved, d.MultiplyAccumulates, d.Float32Bytes));
        Assert.Equal([new(500, 8, -0.01f, 0.19f, 0.189f, 28.6f), new StepDescription(0, 8, -0.01f, 0, 0, 28.475f)], d.Steps);
    }

    /// <summary>Two solvers' manifests on one weights file: the second's steps read their own rows of the table.</summary>
    [Fact]
    public void Steps_read_the_rows_that_the_manifest_gives_them()
    {
        JsonObject json = new ManifestBuilder { Steps = 2 }.WithEveryOperation().ToJson();
        float[] Rows(int first)
        {
            (json["network"]!["embedding"]!["rows"], json["network"]!["embedding"]!["firstRow"]) = (5, first);
            return Draw(ManifestBuilder.Text(json), guided: false);
        }

        string own = new ManifestBuilder { Steps = 2 }.WithEveryOperation().ToString();
        Assert.Equal(Draw(own, guided: false), Rows(0));
        float[] third = Rows(3);
        Assert.Equal(Draw(own, guided: false, firstRow: 3), third);
        Assert.NotEqual(Rows(0), third);
    }

    /// <summary>That what is drawn is the interpreter's, the sampler's own tests see; here it is pictures at all.</summary>
    private static float[] Draw(string manifest, bool guided, int firstRow = 0)
    {
        using Sampler sampler = CompiledSampler.Load(manifest, CompiledSampler.Pack(manifest, firstRow));
        var options = new SampleOptions { Count = 3, Seed = 5, Guidance = guided ? 2.5f : null };
        ImageBatch images = sampler.Sample(options);
        float[] pixels = [.. images.Pixels.Span, .. sampler.Description.Pictures is null ? [] : sampler.Sample(options with { Image = images, Strength = 0.5 }).Pixels.Span];
        Assert.All(pixels, p => Assert.True(float.IsFinite(p)));
        Assert.True(pixels.Distinct().Count() > pixels.Length / 2, "The images are nearly constant.");
        return pixels;
    }
}
