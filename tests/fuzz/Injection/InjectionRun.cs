using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Specializer.Generator.Tests;

namespace Specializer.Fuzz;

/// <summary>Hostile manifests, generated and now and then compiled: the tree that is printed has the nodes of the template's, the generator never throws, the compiler never complains.</summary>
/// <param name="seed">Of the manifests.</param>
/// <param name="findings">Folder for the smallest manifests that show a fault.</param>
internal sealed class InjectionRun(int seed, string findings)
{
    private const int Batch = 16, CompiledBatches = 10;

    private readonly Random _random = new(seed);
    private readonly ushort[][] _templates = [.. Enumerable.Range(0, HostileManifest.Templates).Select(i => Nodes(Generate([HostileManifest.Sound(i)], true)[0].Printed!))];
    private readonly ushort[] _stub = Nodes(Generate([new(0, new Dictionary<string, string> { ["tiny"] = "\n" })], true)[0].Printed!);
    private long _accepted, _compiled;
    private int _found;

    /// <summary>Tries so many manifests; returns the number of faults.</summary>
    public int Run(long count)
    {
        var progress = new Progress();
        for (long done = 0; done < count; done += Batch)
        {
            HostileManifest[] manifests = [.. Enumerable.Range(0, (int)Math.Min(Batch, count - done)).Select(_ => HostileManifest.Of(_random))];
            bool compile = done / Batch % CompiledBatches == 0;
            if (compile) _compiled += manifests.Length;
            foreach (var (manifest, fault) in manifests.Zip(Faults(manifests, compile)))
                if (fault is not null) Report(manifest, fault);
            progress.Report(() => Result(done + manifests.Length));
        }

        Console.WriteLine(Result(count));
        return _found;

        string Result(long done) => FormattableString.Invariant($"inject: seed {seed}, {done} manifests in {progress.Elapsed.TotalSeconds:F0} s, {done / progress.Elapsed.TotalSeconds:F0} a second, {_accepted} accepted, {_compiled} compiled, {_found} findings");
    }

    private void Report(HostileManifest manifest, string fault)
    {
        _found++;
        while (manifest.Smaller().Select(m => (Manifest: m, Fault: Faults([m], true)[0])).FirstOrDefault(m => m.Fault is not null) is { Fault: { } same } less) (manifest, fault) = (less.Manifest, same);
        Directory.CreateDirectory(findings);
        string path = Path.Combine(findings, $"inject-{seed}-{_found}.calibration.json");
        File.WriteAllText(path, manifest.Text());
        Console.WriteLine($"inject: {fault}{Environment.NewLine}  {manifest.Exchanged.Count} texts exchanged in {path}");
    }

    private string?[] Faults(IReadOnlyList<HostileManifest> manifests, bool compile)
    {
        (SyntaxTree? Printed, bool Accepted)[] generated;
        try
        {
            generated = Generate(manifests, compile);
        }
        catch (Exception e)
        {
            if (manifests.Count > 1) return [.. manifests.Select(m => Faults([m], compile)[0])];
            return [e.Message];
        }

        return [.. generated.Select((g, i) =>
        {
            if (g.Accepted) _accepted++;
            if (g.Printed is null) return g.Accepted ? "Nothing was generated, and no word of it." : null;
            ushort[] nodes = Nodes(g.Printed), expected = g.Accepted ? _templates[manifests[i].Template] : _stub;
            int first = Enumerable.Range(0, Math.Max(nodes.Length, expected.Length)).FirstOrDefault(n => n >= nodes.Length || n >= expected.Length || nodes[n] != expected[n], -1);
            return first < 0 ? null : $"Node {first} is {Kind(nodes, first)}, {Kind(expected, first)} in the template.";
        })];

        static string Kind(ushort[] nodes, int at) => at < nodes.Length ? $"{(SyntaxKind)nodes[at]}" : "missing";
    }

    /// <exception cref="InvalidOperationException">The compiler complains, or the generator threw; of which manifest is not known.</exception>
    private static (SyntaxTree? Printed, bool Accepted)[] Generate(IReadOnlyList<HostileManifest> manifests, bool compile)
    {
        ManifestText[] files = [.. manifests.Select((m, i) => new ManifestText($"/src/{i}.calibration.json", m.Text(), i % 2 == 0 ? [("Namespace", $"N{i}"), ("ClassName", "Drawer")] : [("Namespace", $"N{i}")]))];
        Generated generated = GeneratorHarness.RunFiles("", files);
        if (generated.Diagnostics.FirstOrDefault(d => !d.Id.StartsWith("SPZ", StringComparison.Ordinal) || d.Id == "SPZ099") is { } foreign) throw new InvalidOperationException($"The generator says {foreign}.");
        if (compile && generated.CompilerDiagnostics.FirstOrDefault() is { } complaint) throw new InvalidOperationException($"The compiler says {complaint}.");
        ILookup<string, Diagnostic> errors = generated.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).ToLookup(d => d.Location.GetLineSpan().Path, StringComparer.Ordinal);
        Dictionary<string, SyntaxTree> trees = generated.Sources.ToDictionary(s => Namespace(s.SourceText.ToString()), s => s.SyntaxTree, StringComparer.Ordinal);
        return [.. files.Select((f, i) => (trees.GetValueOrDefault($"N{i}"), !errors[f.Path].Any()))];
    }

    private static string Namespace(string source)
    {
        const string keyword = "\nnamespace ";
        int start = source.IndexOf(keyword, StringComparison.Ordinal) + keyword.Length;
        return source[start..source.IndexOfAny([';', '\r', '\n', ' ', '{'], start)];
    }

    private static ushort[] Nodes(SyntaxTree tree) =>
        [.. tree.GetRoot().DescendantNodes(descendIntoTrivia: true).Select(n => (ushort)n.RawKind), .. tree.GetDiagnostics().Select(_ => (ushort)SyntaxKind.BadToken)];
}
