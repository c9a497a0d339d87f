using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using Specializer.Generator.Diagnostics;
using Specializer.Generator.Parsing;
using Specializer.Tests;

namespace Specializer.Generator.Tests;

public sealed class DiagnosticTests
{
    private const string Path = "/src/tiny.calibration.json";

    private static readonly string s_valid = new ManifestBuilder().WithOneConvolution().ToString();

    /// <summary>Ids that have a test of their own below.</summary>
    private static readonly string[] s_ownTests = ["SPZ020", "SPZ021", "SPZ022", "SPZ023", "SPZ024", "SPZ099"];

    public static TheoryData<int> Mistakes => [.. Enumerable.Range(0, ManifestMistakes.All.Count)];

    [Fact]
    public void Every_diagnostic_has_a_test_and_a_section_in_the_documentation()
    {
        string[] ids = [.. typeof(Descriptors).GetFields(BindingFlags.Static | BindingFlags.Public).Select(f => f.GetValue(null)).OfType<DiagnosticDescriptor>().Select(d => d.Id).Order()];
        Assert.Equal(ids, Descriptors.All.Select(d => d.Id).Order());
        Assert.Equal(ids, ManifestMistakes.All.Select(m => m.Id).Distinct().Concat(s_ownTests).Order());

        string documentation = File.ReadAllText(System.IO.Path.Combine(SharedData.RepositoryRoot, "docs", "diagnostics.md"));
        // SPZ1xx are the build tasks'.
        string[] sections = [.. documentation.Split("\n## ").Skip(1).Where(s => s.StartsWith("SPZ0", StringComparison.Ordinal))];
        Assert.Equal(Descriptors.All.Select(d => $"{d.Id}: {d.Title}").Order(), sections.Select(s => s.Split('\n')[0]).Order());
        Assert.All(sections, s => Assert.True(s.Contains("\nCause: ", StringComparison.Ordinal) && s.Contains("\nFix: ", StringComparison.Ordinal), s));
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_gives_one_diagnostic_at_its_place_and_a_stub(int index)
    {
        ManifestMistake mistake = ManifestMistakes.All[index];
        Generated generated = GeneratorHarness.RunFiles(
            """
            using Specializer;
            Sampler sampler = Consumer.TinySampler.Load();
            _ = sampler.Sample(Consumer.TinySampler.Steps);
            """.Replace("Sampler sampler", "static class P { static void M() { Sampler sampler", StringComparison.Ordinal) + " } }",
            new ManifestText(Path, mistake.Text));

        Diagnostic diagnostic = Assert.Single(generated.Diagnostics);
        Assert.Equal(mistake.Id, diagnostic.Id);
        Assert.Contains(mistake.Message, diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Equal(Path, diagnostic.Location.GetLineSpan().Path);
        Assert.Equal(mistake.Marked, mistake.Text.Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length));
        Assert.Equal(
            SourceText.From(mistake.Text).Lines.GetLinePositionSpan(diagnostic.Location.SourceSpan),
            diagnostic.Location.GetLineSpan().Span);
        generated.Compiles();
    }

    [Theory]
    [InlineData("Namespace", "My.class.Space", "Namespace")]
    [InlineData("Namespace", "My-Space", "Namespace")]
    [InlineData("Namespace", "A..B", "Namespace")]
    [InlineData("ClassName", "class", "ClassName")]
    [InlineData("ClassName", "record", "ClassName")]
    [InlineData("ClassName", "@class", "ClassName")]
    [InlineData("ClassName", "A\u200DB", "ClassName")]
    [InlineData("ClassName", "1A", "ClassName")]
    [InlineData("ClassName", "A B", "ClassName")]
    [InlineData("ClassName", "A<T>", "ClassName")]
    [InlineData("ClassName", "Weights", "ClassName")]
    [InlineData("ClassName", "Dispose", "ClassName")]
    [InlineData("ClassName", "Evaluate2", "ClassName")]
    [InlineData("Accessibility", "private", "Accessibility")]
    public void SPZ020_impossible_metadata(string key, string value, string named)
    {
        Generated generated = GeneratorHarness.Run(s_valid, (key, value));
        Diagnostic diagnostic = Assert.Single(generated.Diagnostics);
        Assert.Equal("SPZ020", diagnostic.Id);
        Assert.Contains(named, diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Equal(Path, diagnostic.Location.GetLineSpan().Path);
        // Under a name that is impossible nothing can stand in.
        Assert.Equal(key == "Accessibility" ? 1 : 0, generated.Sources.Length);
        generated.Compiles();
    }

    [Fact]
    public void SPZ021_the_first_manifest_by_path_keeps_the_type()
    {
        Generated generated = GeneratorHarness.RunFiles("",
            new ManifestText("/src/b.json", s_valid), new ManifestText("/src/a.json", s_valid), new ManifestText("/src/c.json", s_valid, ("ClassName", "TINYSAMPLER")));
        Assert.Equal(["/src/b.json", "/src/c.json"], generated.Diagnostics.Select(d => d.Location.GetLineSpan().Path).Order());
        Assert.All(generated.Diagnostics, d => Assert.Equal("SPZ021", d.Id));
        Assert.Single(generated.Sources);
        generated.Compiles();
    }

    [Fact]
    public void SPZ022_unreadable_file()
    {
        Generated generated = GeneratorHarness.RunFiles("", new ManifestText(Path, (SourceText?)null));
        Assert.Equal("SPZ022", Assert.Single(generated.Diagnostics).Id);
        generated.Compiles();
    }

    [Fact]
    public void SPZ023_runtime_not_referenced()
    {
        GeneratorDriver driver = GeneratorHarness.Driver("Consumer", new ManifestText(Path, s_valid)).RunGenerators(GeneratorHarness.Compilation(runtime: false));
        Assert.Equal("SPZ023", Assert.Single(driver.GetRunResult().Diagnostics).Id);
        Assert.Empty(driver.GetRunResult().GeneratedTrees);
    }

    [Theory]
    [InlineData(LanguageVersion.CSharp7_3, "7.3")]
    [InlineData(LanguageVersion.CSharp9, "9.0")]
    [InlineData(LanguageVersion.CSharp11, "11.0")]
    public void SPZ024_an_old_language_gives_one_error_and_a_stub_that_it_can_read(LanguageVersion version, string name)
    {
        CSharpParseOptions old = GeneratorHarness.ParseOptions.WithLanguageVersion(version);
        CSharpCompilation compilation = GeneratorHarness.Compilation("class P { object M() { return Consumer.TinySampler.Load(); } }", options: old);
        if (version < LanguageVersion.CSharp8) compilation = compilation.WithOptions(compilation.Options.WithNullableContextOptions(NullableContextOptions.Disable));
        GeneratorDriver driver = GeneratorHarness.Driver("Consumer", new ManifestText(Path, s_valid)).WithUpdatedParseOptions(old)
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation updated, out var diagnostics);
        Diagnostic diagnostic = Assert.Single(diagnostics);
        Assert.Equal("SPZ024", diagnostic.Id);
        Assert.Contains($"C# {name};", diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Single(driver.GetRunResult().GeneratedTrees);
        Assert.Empty(updated.GetDiagnostics().Where(d => d.Severity > DiagnosticSeverity.Info));
    }

    [Fact]
    public void SPZ099_an_exception_becomes_a_diagnostic()
    {
        var file = new ManifestFile(Path, s_valid, true, "", "", "", "");
        ParseResult result = SamplerParser.Parse(file, null!, default);
        Assert.Equal("SPZ099", Assert.Single(result.Diagnostics).Id);
        Assert.Equal("SPZ099", result.Diagnostics[0].ToDiagnostic().Id);
    }

    [Fact]
    public void SPZ017_for_a_file_in_another_encoding()
    {
        foreach (Encoding encoding in new Encoding[] { Encoding.Unicode, Encoding.Latin1, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true) })
            Assert.Equal("SPZ017", Assert.Single(Run(encoding).Diagnostics).Id);
        Assert.Empty(Run(new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)).Diagnostics);

        static Generated Run(Encoding encoding) => GeneratorHarness.RunFiles("", new ManifestText(Path, SourceText.From(s_valid, encoding)));
    }
}
