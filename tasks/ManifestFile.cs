using System.Text;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Tasks;

/// <summary>A manifest as it lies on disk.</summary>
internal sealed class ManifestFile
{
    private ManifestFile(string path, string text)
    {
        Path = path;
        Text = text;
    }

    public string Path { get; }

    public string Text { get; }

    /// <exception cref="DiagnosticException">The file cannot be read.</exception>
    public static ManifestFile Read(string path)
    {
        if (Directory.Exists(path))
            throw new DiagnosticException(DiagnosticId.ManifestUnreadable,
                $"The CalibrationManifest item is the folder '{path}'. Name the manifests in it: '{System.IO.Path.Combine(path, "*.calibration.json")}'.");
        byte[] bytes;
        try
        {
            bytes = RegularFile.ReadAll(path, JsonReader.MaximumLength);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiagnosticException(DiagnosticId.ManifestUnreadable,
                $"The calibration manifest cannot be read: {e.Message} Correct the path of the CalibrationManifest item.");
        }

        // Bytes that are not UTF-8, and a byte order mark, stay visible in the text, where the reader refuses them.
        return new(path, new UTF8Encoding(false, throwOnInvalidBytes: false).GetString(bytes));
    }

    /// <summary>Where a property of <c>weights</c> stands; the beginning of the text when there is none.</summary>
    public (int Line, int Column, int EndLine, int EndColumn) Locate(string? weightsProperty)
    {
        if (weightsProperty is null || !JsonReader.Parse(Text, out JsonNode? root, out _) || root!["weights"]?[weightsProperty] is not { } node)
            return (1, 1, 1, 1);
        var lines = new LineMap(Text);
        var (start, end) = (lines[node.Start], lines[node.End]);
        return (start.Line, start.Column, end.Line, end.Column);
    }
}
