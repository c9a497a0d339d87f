using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using Specializer.Generator.Tests;
using Specializer.Manifest;

namespace Specializer.Fuzz;

/// <summary>Reads manifests: text, values, and what they say together. Layout and key of an accepted one must be computable. Now and then by the generator, too, which is given the text as the compiler
/// makes it of a file, and says what tool and build task say, which read the bytes themselves.</summary>
internal sealed class ManifestTarget : FuzzTarget
{
    // The generator takes many times as long as the reader.
    private const int Share = 8;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly CSharpCompilation _compilation = GeneratorHarness.Compilation();

    public override string Name => "manifest";

    public override IEnumerable<byte[]> Seeds =>
    [
        Encoding.UTF8.GetBytes(new ManifestBuilder().WithOneConvolution().ToString()),
        Encoding.UTF8.GetBytes(new ManifestBuilder { Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString()),
        Encoding.UTF8.GetBytes(new ManifestBuilder { Guided = true }.WithNetworks().ToString()),
        [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(new ManifestBuilder().WithOneConvolution().ToString())],
        [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(new ManifestBuilder().WithOneConvolution().ToString())],
    ];

    public override byte[] Mutate(byte[] input, Mutator mutator) => mutator.Json(input);

    public override string Read(byte[] input)
    {
        ManifestResult result = ManifestReader.Read(Encoding.UTF8.GetString(input));
        string verdict = "accepted";
        if (result.Manifest is { } manifest)
        {
            var linked = LinkedNetwork.Of(manifest);
            _ = new WeightLayout(linked.Network, manifest.Steps.Count).TotalBytes;
            _ = new WeightKey(linked.Network, manifest.Steps.Count, manifest.Weights.Sha256);
        }
        else
        {
            ManifestError error = result.Errors[0];
            verdict = error.Id == ManifestErrorId.Internal ? throw new InvalidOperationException(error.Message) : $"{error.Id} {error.Message}";
        }

        // Which ones depends on the input alone, so that a finding is one again.
        if (input.Aggregate(17u, (hash, b) => hash * 31 + b) % Share == 0) CheckGenerator(input, verdict);
        return verdict;
    }

    private void CheckGenerator(byte[] input, string verdict)
    {
        GeneratorDriver driver = GeneratorHarness.Driver("Consumer", new ManifestText("/src/tiny.calibration.json", AsTheCompilerReads(input)));
        Diagnostic[] errors = [.. driver.RunGenerators(_compilation).GetRunResult().Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)];
        string[] said = [.. errors.Select(d => $"{d.Id} {d.GetMessage()}")];
        if (verdict == "accepted" ? said.Length > 0 : !said.Contains(verdict)) throw new InvalidOperationException($"The generator says {(said.Length == 0 ? "nothing" : said[0])}, where the tool says {verdict}");
    }

    /// <summary>A byte order mark decides; else it is UTF-8, and where it is not, Latin-1.</summary>
    private static SourceText AsTheCompilerReads(byte[] input)
    {
        try
        {
            return SourceText.From(new MemoryStream(input), s_strict);
        }
        catch (DecoderFallbackException)
        {
            return SourceText.From(new MemoryStream(input), Encoding.Latin1);
        }
    }
}
