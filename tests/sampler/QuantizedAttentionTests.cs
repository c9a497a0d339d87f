using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Specializer.Calibration;
using Specializer.Generator;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>A network with attention, calibrated with 8-bit products, generated, compiled and run.</summary>
public sealed class QuantizedAttentionTests
{
    [SharedFact("golden/small-attn")]
    public void The_compiled_sampler_gives_the_interpreters_bits()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        ImportedModel model = DiffusersImporter.Load(SharedData.Golden("small-attn"), "attentive");
        var options = new CalibrationOptions { Steps = 3, Trajectories = 2, AttentionBits = 8, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On };
        string manifest = Calibrator.Run(model, options, folder.Root, device, 2).ManifestPath;
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        float[] expected = interpreted.Sample(new() { Count = 4, Seed = 5 }).Pixels.ToArray();
        Assert.All(expected, p => Assert.True(float.IsFinite(p)));
        foreach ((int capacity, int threads) in ((int, int)[])[(1, 2), (3, 1)])
        {
            using var other = new CpuDevice(threads);
            using Sampler compiled = Compile(manifest, other);
            using SamplerSession session = compiled.CreateSession(capacity);
            Assert.Equal(expected, session.Sample(new() { Count = 4, Seed = 5 }).Pixels.ToArray());
        }
    }

    private static Sampler Compile(string manifestPath, Device device)
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifestPath);
        Assert.Equal([8], artifact.Manifest.Network.Operations.OfType<AttentionOperation>().Select(a => a.ProductBits).Distinct());
        var compilation = CSharpCompilation.Create("Attentive", references:
        [
            .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(p => Path.GetFileName(p).StartsWith("System.", StringComparison.Ordinal)).Append(typeof(Sampler).Assembly.Location)
                .Select(p => MetadataReference.CreateFromFile(p)),
        ], options: new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        CSharpGeneratorDriver.Create([new SamplerGenerator().AsSourceGenerator()], [new Text(manifestPath)], CSharpParseOptions.Default, new Options())
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out ImmutableArray<Diagnostic> diagnostics);
        Assert.Empty(diagnostics);
        Assert.Contains(generated.SyntaxTrees, t => t.ToString().Contains("query: new(", StringComparison.Ordinal));

        var key = new WeightKey(artifact.Manifest.Network, artifact.Manifest.Steps.Count, artifact.Manifest.Weights.Sha256);
        using var blob = new MemoryStream();
        Packing.WeightPacker.Pack(artifact.Manifest.Network, artifact.Manifest.Steps.Count, artifact.Tensor, key, blob);
        using var digest = new Packing.ContentDigest();
        string binding = $"[assembly: Specializer.PackedWeights(\"{key.ResourceName}\", \"{Convert.ToHexString(digest.ComputeHash(blob.ToArray()))}\")]";
        using var image = new MemoryStream();
        var emitted = generated.AddSyntaxTrees(CSharpSyntaxTree.ParseText(binding)).Emit(image, manifestResources: [new ResourceDescription(key.ResourceName, () => new MemoryStream(blob.ToArray()), isPublic: true)]);
        Assert.Empty(emitted.Diagnostics.Where(d => d.Severity > DiagnosticSeverity.Info));
        return (Sampler)Assembly.Load(image.ToArray()).GetType("Consumer.Attentive")!.GetMethod("Load")!.Invoke(null, [device])!;
    }

    /// <summary>The manifest as the build hands it to the generator.</summary>
    private sealed class Text(string path) : AdditionalText
    {
        public override string Path => path;

        public override SourceText? GetText(CancellationToken cancellationToken = default) => SourceText.From(File.ReadAllText(path), new UTF8Encoding(false));
    }

    private sealed class Options : AnalyzerConfigOptionsProvider
    {
        private static readonly Values s_metadata = new(new(StringComparer.OrdinalIgnoreCase)
        {
            ["build_metadata.AdditionalFiles.SpecializerManifest"] = "true", ["build_metadata.AdditionalFiles.Namespace"] = "Consumer",
            ["build_metadata.AdditionalFiles.ClassName"] = "Attentive", ["build_metadata.AdditionalFiles.Accessibility"] = "public",
        });

        public override AnalyzerConfigOptions GlobalOptions { get; } = new Values([]);

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => s_metadata;
    }

    private sealed class Values(Dictionary<string, string> values) : AnalyzerConfigOptions
    {
        public override bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out string? value) => values.TryGetValue(key, out value);
    }
}
