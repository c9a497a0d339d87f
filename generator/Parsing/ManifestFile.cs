using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Specializer.Generator.Parsing;

/// <summary>One manifest among the project's additional files, and the metadata of its item.</summary>
/// <param name="Path">As the compiler knows it.</param>
/// <param name="Text">Content; null when the compiler cannot read the file.</param>
/// <param name="IsUtf8">False when the file has a byte order mark or another encoding.</param>
/// <param name="Namespace">Metadata, empty when absent.</param>
/// <param name="ClassName">Metadata, empty when absent.</param>
/// <param name="Accessibility">Metadata, empty when absent.</param>
/// <param name="RootNamespace">Of the project, empty when absent.</param>
internal sealed record ManifestFile(
    string Path, string? Text, bool IsUtf8, string Namespace, string ClassName, string Accessibility, string RootNamespace)
{
    private const string Metadata = "build_metadata.AdditionalFiles.";

    public static bool IsManifest(AdditionalText file, AnalyzerConfigOptionsProvider options) =>
        Get(options.GetOptions(file), Metadata + "SpecializerManifest").Equals("true", StringComparison.OrdinalIgnoreCase);

    public static ManifestFile Read(AdditionalText file, AnalyzerConfigOptionsProvider options, CancellationToken cancellation)
    {
        AnalyzerConfigOptions item = options.GetOptions(file);
        SourceText? text = file.GetText(cancellation);
        return new(
            file.Path,
            text?.ToString(),
            // A text that was made in memory, as tests do, has no encoding.
            text?.Encoding is not { } encoding || (encoding.CodePage == 65001 && encoding.GetPreamble().Length == 0),
            Get(item, Metadata + "Namespace"),
            Get(item, Metadata + "ClassName"),
            Get(item, Metadata + "Accessibility"),
            Get(options.GlobalOptions, "build_property.RootNamespace"));
    }

    private static string Get(AnalyzerConfigOptions options, string key) => options.TryGetValue(key, out string? value) ? value.Trim() : "";
}
