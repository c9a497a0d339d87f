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

namespace Specializer.Generated.Tests;

/// <summary>An artefact's sampler: generated, compiled and loaded in memory.</summary>
internal static class CompiledArtifact
{
    public static Sampler Load(string manifestPath, Device device, out string source)
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifestPath);
        var compilation = CSharpCompilation.Create("Consumer", references:
        [
            .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(p => Path.GetFileName(p).StartsWith("System.", StringComparison.Ordinal)).Append(typeof(Sampler).Assembly.Location).Append(typeof(Specializer.Text.ClipTokenizer).Assembly.Location)
                .Select(p => MetadataReference.CreateFromFile(p)),
        ], options: new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release));
        CSharpGeneratorDriver.Create([new SamplerGenerator().AsSourceGenerator()], [new ManifestText(manifestPath)], CSharpParseOptions.Default, new Options())
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out ImmutableArray<Diagnostic> diagnostics);
        Assert.Empty(diagnostics);
        source = Assert.Single(generated.SyntaxTrees).ToString();

        Network network = LinkedNetwork.Of(artifact.Manifest).Network;
        var key = new WeightKey(network, artifact.Manifest.Steps.Count, artifact.Manifest.Weights.Sha256);
        using var blob = new MemoryStream();
        Packing.WeightPacker.Pack(network, artifact.Manifest.Steps.Count, artifact.Tensor, key, blob);
        using var digest = new Packing.ContentDigest();
        string binding = $"[assembly: Specializer.CompilerServices.PackedWeights(\"{key.ResourceName}\", \"{Convert.ToHexString(digest.ComputeHash(blob.ToArray()))}\")]";
        using var image = new MemoryStream();
        var emitted = generated.AddSyntaxTrees(CSharpSyntaxTree.ParseText(binding)).Emit(image, manifestResources: [new ResourceDescription(key.ResourceName, () => new MemoryStream(blob.ToArray()), isPublic: true)]);
        Assert.Empty(emitted.Diagnostics.Where(d => d.Severity > DiagnosticSeverity.Info));
        return (Sampler)Assembly.Load(image.ToArray()).GetType("Consumer.Compiled")!.GetMethod("Load")!.Invoke(null, [device])!;
    }

    /// <summary>The manifest as the build hands it to the generator.</summary>
    private sealed class ManifestText(string path) : AdditionalText
    {
        public override string Path => path;

        public override SourceText? GetText(CancellationToken cancellationToken = default) => SourceText.From(File.ReadAllText(path), new UTF8Encoding(false));
    }

    private sealed class Options : AnalyzerConfigOptionsProvider
    {
        private static readonly Values s_metadata = new(new(StringComparer.OrdinalIgnoreCase)
        {
            ["build_metadata.AdditionalFiles.SpecializerManifest"] = "true", ["build_metadata.AdditionalFiles.Namespace"] = "Consumer",
            ["build_metadata.AdditionalFiles.ClassName"] = "Compiled", ["build_metadata.AdditionalFiles.Accessibility"] = "public",
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
