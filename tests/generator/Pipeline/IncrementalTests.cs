using System.Collections;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using static Microsoft.CodeAnalysis.IncrementalStepRunReason;
using static Specializer.Generator.SamplerGenerator;

namespace Specializer.Generator.Tests;

/// <summary>What is recomputed when. In an editor the generator runs at every keystroke.</summary>
public sealed class IncrementalTests
{
    private static readonly string s_manifest = new ManifestBuilder().WithEveryOperation().ToString();
    private static readonly ManifestText s_file = new("/src/tiny.calibration.json", s_manifest);

    [Fact]
    public void An_edit_elsewhere_recomputes_nothing()
    {
        GeneratorRunResult result = RunTwice(s_file, s_file, "class Edited { }");
        AssertReasons(result, (Steps.Files, Cached), (Steps.Project, Unchanged), (Steps.Parsed, Cached), (Steps.Claims, Cached), (Steps.Types, Cached), (Steps.Diagnostics, Cached));
        Assert.All(result.TrackedOutputSteps.Values.SelectMany(s => s).SelectMany(s => s.Outputs), o => Assert.Equal(Cached, o.Reason));
    }

    [Fact]
    public void An_edited_number_prints_the_type_again()
    {
        GeneratorRunResult result = RunTwice(s_file, Edited("0.189", "0.188"));
        AssertReasons(result, (Steps.Files, Modified), (Steps.Parsed, Modified), (Steps.Claims, Unchanged), (Steps.Types, Modified), (Steps.Diagnostics, Unchanged));
    }

    [Fact]
    public void White_space_does_not_print_the_type_again()
    {
        GeneratorRunResult result = RunTwice(s_file, Edited("\"firstSeed\": 0", "\"firstSeed\":  0"));
        AssertReasons(result, (Steps.Files, Modified), (Steps.Parsed, Unchanged), (Steps.Types, Cached), (Steps.Diagnostics, Cached));
    }

    [Fact]
    public void A_file_saved_without_change_recomputes_nothing()
    {
        GeneratorRunResult result = RunTwice(s_file, new ManifestText(s_file.Path, s_manifest));
        AssertReasons(result, (Steps.Files, Unchanged), (Steps.Parsed, Cached), (Steps.Types, Cached), (Steps.Diagnostics, Cached));
    }

    [Fact]
    public void A_mistake_that_moves_does_not_print_the_stub_again()
    {
        GeneratorRunResult result = RunTwice(Edited("\"guidance\": 1", "\"guidance\": 9"), Edited("\"guidance\": 1", "\n\"guidance\": 9"));
        AssertReasons(result, (Steps.Files, Modified), (Steps.Parsed, Modified), (Steps.Types, Unchanged), (Steps.Diagnostics, Modified));
    }

    [Fact]
    public void A_second_manifest_leaves_the_first_alone()
    {
        var second = new ManifestText("/src/other.calibration.json", new ManifestBuilder { Name = "other" }.WithOneConvolution().ToString());
        GeneratorDriver driver = GeneratorHarness.Driver("Consumer", s_file);
        CSharpCompilation compilation = GeneratorHarness.Compilation();
        driver = driver.RunGenerators(compilation).AddAdditionalTexts([second]).RunGenerators(compilation);
        GeneratorRunResult result = driver.GetRunResult().Results.Single();
        Assert.Equal([Cached, New], Reasons(result, Steps.Parsed));
        Assert.Equal([Cached, New], Reasons(result, Steps.Types));
        Assert.Equal(2, result.GeneratedSources.Length);
    }

    /// <summary>Symbols and syntax in the pipeline would keep whole compilations alive and never compare equal.</summary>
    [Fact]
    public void Models_hold_nothing_of_the_compiler()
    {
        ManifestText[] files = [s_file, new("/src/wrong.json", "{}"), new("/src/x.json", s_manifest, ("ClassName", "class")), new("/src/y.json", s_manifest)];
        GeneratorDriver driver = GeneratorHarness.Driver("Consumer", files).RunGenerators(GeneratorHarness.Compilation());
        GeneratorRunResult result = driver.GetRunResult().Results.Single();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        string[] names = [.. typeof(Steps).GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public).Select(f => (string)f.GetValue(null)!)];
        Assert.Equal(names.Order(), names.Where(result.TrackedSteps.ContainsKey).Order());
        foreach (object value in names.SelectMany(n => result.TrackedSteps[n]).SelectMany(s => s.Outputs).Select(o => o.Value)) Walk(value, seen);
        Assert.Contains(seen, o => o is Model.SamplerModel);
        Assert.Contains(seen, o => o is Parsing.ConvolveCall);
        Assert.Contains(seen, o => o is Diagnostics.DiagnosticInfo);

        static void Walk(object? value, HashSet<object> seen)
        {
            if (value is null) return;
            Type type = value.GetType();
            Assert.False(type.Assembly.GetName().Name!.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal), $"The pipeline holds a {type}.");
            if (type.IsPrimitive || type.IsEnum || value is string || !seen.Add(value)) return;
            if (value is IEnumerable elements)
                foreach (object? element in elements) Walk(element, seen);
            else
                foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)) Walk(field.GetValue(value), seen);
        }
    }

    private static ManifestText Edited(string from, string to)
    {
        Assert.Contains(from, s_manifest, StringComparison.Ordinal);
        return new(s_file.Path, s_manifest.Replace(from, to, StringComparison.Ordinal));
    }

    private static GeneratorRunResult RunTwice(ManifestText first, ManifestText second, string code = "")
    {
        CSharpCompilation compilation = GeneratorHarness.Compilation();
        GeneratorDriver driver = GeneratorHarness.Driver("Consumer", first).RunGenerators(compilation);
        if (second != first) driver = driver.ReplaceAdditionalText(first, second);
        if (code.Length > 0) compilation = compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText(code, GeneratorHarness.ParseOptions));
        return driver.RunGenerators(compilation).GetRunResult().Results.Single();
    }

    private static void AssertReasons(GeneratorRunResult result, params (string Step, IncrementalStepRunReason Reason)[] expected) =>
        Assert.Equal(expected, expected.Select(e => (e.Step, Assert.Single(Reasons(result, e.Step)))));

    private static IEnumerable<IncrementalStepRunReason> Reasons(GeneratorRunResult result, string step) =>
        result.TrackedSteps[step].SelectMany(s => s.Outputs).Select(o => o.Reason);
}
