using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Specializer.Generator.Tests;

/// <summary>Runs the generator as a compiler does, over files in memory.</summary>
internal static class GeneratorHarness
{
    private static readonly ImmutableArray<MetadataReference> s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(p => Path.GetFileName(p) is { } name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "netstandard.dll"))
            .Select(p => MetadataReference.CreateFromFile(p)),
    ];

    private static readonly MetadataReference s_runtime = MetadataReference.CreateFromFile(typeof(Sampler).Assembly.Location);

    public static CSharpParseOptions ParseOptions { get; } = new(LanguageVersion.CSharp12, DocumentationMode.Diagnose);

    public static CSharpCompilation Compilation(string code = "", bool runtime = true, string assembly = "Consumer", CSharpParseOptions? options = null) => CSharpCompilation.Create(
        assembly,
        [CSharpSyntaxTree.ParseText(code, options ?? ParseOptions, "Program.cs")],
        runtime ? s_references.Add(s_runtime) : s_references,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, warningLevel: 9999));

    public static GeneratorDriver Driver(string? rootNamespace, params ManifestText[] files) => Driver(rootNamespace, null, files);

    /// <param name="rootNamespace">Of the project.</param>
    /// <param name="announced">What the build lists as manifests; null for a build that lists none.</param>
    /// <param name="files">The compiler's additional files.</param>
    public static GeneratorDriver Driver(string? rootNamespace, string? announced, params ManifestText[] files) => CSharpGeneratorDriver.Create(
        [new SamplerGenerator().AsSourceGenerator()],
        files,
        ParseOptions,
        new Options(rootNamespace, announced),
        new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>Generates from one manifest.</summary>
    public static Generated Run(string manifest, params (string Key, string Value)[] metadata) =>
        RunFiles("", new ManifestText("/src/tiny.calibration.json", manifest, metadata));

    public static Generated RunFiles(string code, params ManifestText[] files) => RunFiles(code, Driver("Consumer", files));

    public static Generated RunFiles(string code, GeneratorDriver start)
    {
        CSharpCompilation compilation = Compilation(code);
        GeneratorDriver driver = start.RunGeneratorsAndUpdateCompilation(compilation, out Compilation updated, out _);
        GeneratorRunResult result = Assert.Single(driver.GetRunResult().Results);
        Assert.Null(result.Exception);
        return new(result.GeneratedSources, result.Diagnostics, updated);
    }

    private sealed class Options(string? rootNamespace, string? announced) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new Values(
            [.. new[] { ("build_property.RootNamespace", rootNamespace), ("build_property.SpecializerManifests", announced) }.Where(p => p.Item2 is not null).Select(p => (p.Item1, p.Item2!))]);

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => new Values([]);

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) =>
            new Values([.. ((ManifestText)textFile).Metadata.Select(m => ("build_metadata.AdditionalFiles." + m.Key, m.Value))]);
    }

    private sealed class Values((string Key, string Value)[] values) : AnalyzerConfigOptions
    {
        private readonly Dictionary<string, string> _values = values.ToDictionary(v => v.Key, v => v.Value, KeyComparer);

        public override bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out string? value) => _values.TryGetValue(key, out value);
    }
}

/// <summary>What a run produced.</summary>
internal sealed record Generated(ImmutableArray<GeneratedSourceResult> Sources, ImmutableArray<Diagnostic> Diagnostics, Compilation Compilation)
{
    public string Source => Assert.Single(Sources).SourceText.ToString();

    /// <summary>Everything the compiler has to say about the generated code and what uses it, hidden hints aside.</summary>
    public Diagnostic[] CompilerDiagnostics => [.. Compilation.GetDiagnostics().Where(d => d.Severity > DiagnosticSeverity.Info)];

    public Generated Compiles()
    {
        Assert.Empty(CompilerDiagnostics);
        return this;
    }
}

/// <summary>A manifest in memory, marked as one.</summary>
internal sealed class ManifestText(string path, SourceText? text, params (string Key, string Value)[] metadata) : AdditionalText
{
    public ManifestText(string path, string text, params (string Key, string Value)[] metadata)
        : this(path, SourceText.From(text), metadata)
    {
    }

    public override string Path => path;

    public IReadOnlyList<(string Key, string Value)> Metadata { get; } =
        metadata.Any(m => m.Key == "SpecializerManifest") ? metadata : [.. metadata, ("SpecializerManifest", "true")];

    public override SourceText? GetText(CancellationToken cancellationToken = default) => text;
}
