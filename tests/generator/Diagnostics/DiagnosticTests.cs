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
    private static readonly string[] s_ownTests = ["SPZ020", "SPZ021", "SPZ022", "SPZ023", "SPZ024", "SPZ025", "SPZ026", "SPZ099"];

    public static TheoryData<int> Mistakes => [.. Enumerable.Range(0, ManifestMistakes.All.Count)];

    [Fact]
    public void Every_diagnostic_has_a_test_and_a_section_in_the_documentation()
    {
        string[] ids = [.. typeof(Descriptors).GetFields(BindingFlags.Static | BindingFlags.Public).Select(f => f.GetValue(null)).OfType<DiagnosticDescriptor>().Select(d => d.Id).Order()];
        Assert.Equal(ids, Descriptors.All.Select(d => d.Id).Order());
        Assert.Equal(ids, ManifestMistakes.All.Select(m => m.Id).Distinct().Concat(s_ownTests).Order());

        string folder = System.IO.Path.Combine(SharedData.RepositoryRoot, "docs", "diagnostics"), index = File.ReadAllText($"{folder}.md");
        // SPZ1xx are the build tasks'.
        string[] pages = [.. Directory.GetFiles(folder, "SPZ0*.md").Select(File.ReadAllText)];
        Assert.Equal(Descriptors.All.Select(d => $"# {d.Id}: {d.Title}").Order(), pages.Select(s => s.Split('\n')[0]).Order());
        Assert.All(pages, s => Assert.True(s.Contains("\nCause: ", StringComparison.Ordinal) && s.Contains("\nFix: ", StringComparison.Ordinal), s));
        Assert.All(Directory.GetFiles(folder), page => Assert.Contains($"](diagnostics/{System.IO.Path.GetFileName(page)})", index, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("SPZ001")]
    [InlineData("SPZ099")]
    public void The_page_is_named_where_the_build_says_where_pages_lie(string id)
    {
        var info = DiagnosticInfo.OfProject(id, "wrong");
        Assert.Equal($"file:///docs/{id}.md", info.ToDiagnostic("file:///docs/").Descriptor.HelpLinkUri);
        Assert.Equal("", info.ToDiagnostic("").Descriptor.HelpLinkUri);
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
            _ = sampler.Sample(new SampleOptions { Count = Consumer.TinySampler.Steps });
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
    public void SPZ021_manifests_of_one_name_are_told_apart_by_their_folders()
    {
        Generated generated = GeneratorHarness.RunFiles("", new ManifestText("/src/b/old/m.json", s_valid), new ManifestText("/src/a/old/m.json", s_valid));
        Diagnostic diagnostic = Assert.Single(generated.Diagnostics);
        Assert.Equal("/src/b/old/m.json", diagnostic.Location.GetLineSpan().Path);
        Assert.Contains("'a/old/m.json'", diagnostic.GetMessage(), StringComparison.Ordinal);
    }

    /// <summary>A program of a project that is called as the class would be means the namespace by that name.</summary>
    [Theory]
    [InlineData("TinySampler", "TinySampler.TinyModelSampler")]
    [InlineData("My.TinySampler.App", "My.TinySampler.App.TinyModelSampler")]
    [InlineData("Tiny", "Tiny.TinySampler")]
    public void SPZ026_the_default_class_name_is_no_part_of_its_namespace(string rootNamespace, string expected)
    {
        Generated generated = GeneratorHarness.RunFiles($"class P {{ object M() => {expected}.Load(); }}",
            GeneratorHarness.Driver(rootNamespace, new ManifestText(Path, s_valid)));
        generated.Compiles();
        if (rootNamespace == "Tiny")
        {
            Assert.Empty(generated.Diagnostics);
            return;
        }

        Diagnostic diagnostic = Assert.Single(generated.Diagnostics);
        Assert.Equal(("SPZ026", DiagnosticSeverity.Warning), (diagnostic.Id, diagnostic.Severity));
        Assert.Contains(expected, diagnostic.GetMessage(), StringComparison.Ordinal);
        Assert.Empty(GeneratorHarness.RunFiles("", GeneratorHarness.Driver(rootNamespace, new ManifestText(Path, s_valid, ("ClassName", "TinySampler")))).Diagnostics);
    }

    /// <summary>What the build announces and what the compiler got must be the same files.</summary>
    [Theory]
    [InlineData("tiny.calibration.json", null)]
    [InlineData("tiny.calibration.json/other.calibration.json", "'other.calibration.json'")]
    [InlineData("tiny.calibration.json/tiny.calibration.json", "'tiny.calibration.json'")]
    [InlineData("", "no CalibrationManifest item")]
    public void SPZ025_project_and_compiler_compare_notes(string announced, string? expected)
    {
        Generated generated = GeneratorHarness.RunFiles("", GeneratorHarness.Driver("Consumer", announced, new ManifestText(Path, s_valid)));
        Assert.Equal(expected is null ? [] : ["SPZ025"], generated.Diagnostics.Select(d => d.Id));
        if (expected is not null) Assert.Contains(expected, generated.Diagnostics[0].GetMessage(), StringComparison.Ordinal);
    }

    /// <summary>Few bytes of manifest, many of source: steps × operations × lengths of names.</summary>
    [Theory]
    [InlineData(64, 1200)]
    [InlineData(1000, 200)]
    public void SPZ015_a_small_manifest_whose_sampler_would_be_huge_is_refused(int steps, int operations)
    {
        var builder = new ManifestBuilder { Steps = steps, Size = 1, MeanCorrection = "off" };
        builder.Map("latent", 1, 1);
        string last = builder.Quantize("first", "latent", builder.Map(new string('m', 190), 1, 1, "quantized8")), name = new('n', 190);
        for (int i = 0; i < operations; i++) builder.Convolution($"{name}{i}", last, builder.Map($"{new string('o', 190)}{i}", 1, 1), kernelSize: 1, padding: 0);
        builder.Convolution("conv_out", "latent", builder.Map("epsilon", 1, 1), weightBits: 32);
        for (int i = 0; i < 10; i++) builder.Quantize($"q{i}", "latent", builder.Map($"q{i}", 1, 1, "quantized8"));
        System.Text.Json.Nodes.JsonObject json = builder.ToJson();
        // In the table form each pattern of levels has a body of its own: as many as steps.
        for (int step = 0; step < steps; step++)
            for (int i = 0; i < 10; i++)
                (json["steps"]![step]!["levels"]![i + 1], json["steps"]![step]!["zeroPoints"]![i + 1]) = ((step >> i & 1) == 0 ? 15 : 255, 0);

        Generated generated = GeneratorHarness.RunFiles("class P { object M() => Consumer.TinySampler.Load(); }", new ManifestText(Path, ManifestBuilder.Compact(json)));
        Diagnostic diagnostic = Assert.Single(generated.Diagnostics);
        Assert.Equal("SPZ015", diagnostic.Id);
        Assert.Equal(Path, diagnostic.Location.GetLineSpan().Path);
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
        Assert.Equal("SPZ099", result.Diagnostics[0].ToDiagnostic("").Id);
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
