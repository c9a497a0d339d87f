using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Specializer.Generator.Emit;
using Specializer.Generator.Model;
using Specializer.Generator.Parsing;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Generator.Tests;

/// <summary>Generated samplers, compiled and run on the CPU with random weights.</summary>
public sealed class RunTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [InlineData(false, 8)]
    public void Literals_and_tables_draw_the_same_images(bool guided, int productBits = 32)
    {
        var builder = guided
            ? new ManifestBuilder { Steps = 4, FirstStepsAtFourBits = 2, Classes = 3, EmbeddingWidth = 16, Guided = true, Channels = 3 }
            : new ManifestBuilder { Steps = 4, FirstStepsAtFourBits = 2, ProductBits = productBits };
        string manifest = builder.WithEveryOperation().ToString();
        float[] literals = Draw(manifest, maximumLiteralSteps: 64, guided);
        float[] tables = Draw(manifest, maximumLiteralSteps: 0, guided);
        Assert.Equal(literals, tables);
        Assert.All(literals, p => Assert.True(float.IsFinite(p)));
        Assert.True(literals.Distinct().Count() > literals.Length / 2, "The images are nearly constant: the comparison says little.");
    }

    [Fact]
    public void Guidance_uses_the_compiled_moments()
    {
        string manifest = new ManifestBuilder { Steps = 2, Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString();
        Assert.NotEqual(Draw(manifest, 64, guided: true), Draw(manifest, 64, guided: false));
    }

    [Fact]
    public void Other_weights_are_refused_and_those_of_a_manifest_with_equal_weights_accepted()
    {
        string manifest = new ManifestBuilder().WithOneConvolution().ToString();
        byte[] foreign = Pack(manifest.Replace(new string('b', 64), new string('c', 64), StringComparison.Ordinal));
        SamplerMismatchException e = Assert.Throws<SamplerMismatchException>(() => Load(manifest, foreign, 64).Dispose());
        Assert.Contains("are not those", e.Message, StringComparison.Ordinal);

        Load(manifest, Pack(new ManifestBuilder { Name = "other", MeanCorrection = "off", Clip = false }.WithOneConvolution().ToString().Replace("other.weights", "tiny.weights", StringComparison.Ordinal)), 64).Dispose();
    }

    [Fact]
    public void Steps_out_of_range_are_refused()
    {
        string manifest = new ManifestBuilder().WithOneConvolution().ToString();
        using Sampler sampler = Load(manifest, Pack(manifest), 64);
        MethodInfo run = sampler.GetType().GetMethod("RunStep", BindingFlags.Instance | BindingFlags.NonPublic)!;
        Assert.IsType<ArgumentOutOfRangeException>(Assert.Throws<TargetInvocationException>(() => run.Invoke(sampler, [2, null])).InnerException);
    }

    [Fact]
    public void The_description_says_what_the_manifest_says()
    {
        string manifest = new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString();
        using Sampler sampler = Load(manifest, Pack(manifest), 64);
        SamplerDescription d = sampler.Description;
        Assert.Equal(("tiny", 8, 8, 1, 3, 2), (d.Name, d.Height, d.Width, d.Channels, d.Classes, d.NullLabel));
        Assert.Equal((1f, 1f, 4f), (d.Guidance, d.GuidanceMinimum, d.GuidanceMaximum));
        Assert.Equal((21.3, 123456789L, 4L * 1114209), (d.BitOperationsSaved, d.MultiplyAccumulates, d.Float32Bytes));
        Assert.Equal([new(500, 8, -0.01f, 0.19f, 0.189f, 28.6f), new StepDescription(0, 8, -0.01f, 0, 0, 28.475f)], d.Steps);
    }

    private static float[] Draw(string manifest, int maximumLiteralSteps, bool guided)
    {
        using Sampler sampler = Load(manifest, Pack(manifest), maximumLiteralSteps);
        return sampler.Sample(3, seed: 5, guidance: guided ? 2.5f : null).Pixels.ToArray();
    }

    private static Sampler Load(string manifest, byte[] weights, int maximumLiteralSteps)
    {
        var file = new ManifestFile("/src/tiny.calibration.json", manifest, true, "Consumer", "Drawer", "public", "");
        var model = (SamplerModel)SamplerParser.Parse(file, new RuntimeReference(true, false), default).Type!;
        CSharpCompilation compilation = GeneratorHarness.Compilation(SamplerEmitter.Emit(model, default, maximumLiteralSteps))
            .WithOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        using var image = new MemoryStream();
        var emitted = compilation.Emit(image, manifestResources: [new ResourceDescription(model.Resource, () => new MemoryStream(weights), isPublic: true)]);
        Assert.Empty(emitted.Diagnostics.Where(d => d.Severity > DiagnosticSeverity.Info));
        MethodInfo load = Assembly.Load(image.ToArray()).GetType("Consumer.Drawer")!.GetMethod("Load")!;
        try
        {
            return (Sampler)load.Invoke(null, [null])!;
        }
        catch (TargetInvocationException e)
        {
            throw e.InnerException!;
        }
    }

    private static byte[] Pack(string manifest)
    {
        CalibrationManifest read = ManifestReader.Read(manifest).Manifest!;
        using var blob = new MemoryStream();
        WeightPacker.Pack(read.Network, read.Steps.Count, Tensor, new(read.Network, read.Steps.Count, read.Weights.Sha256), blob);
        return blob.ToArray();

        // 4-bit elements lie in [-7, 7]: the nibble 8 is none.
        byte[] Tensor(string name, long length)
        {
            var random = new Random(name.Length);
            bool floats = read.Network.Operations.OfType<ConvolutionOperation>().FirstOrDefault(c => name == c.Name + ".weight") is not { WeightBits: not 32 };
            if (floats) return [.. Enumerable.Range(0, (int)length / 4).SelectMany(_ => BitConverter.GetBytes(random.NextSingle() * 0.125f))];
            return [.. Enumerable.Range(0, (int)length).Select(_ => (byte)(random.Next(1, 8) | (random.Next(1, 8) << 4)))];
        }
    }
}
