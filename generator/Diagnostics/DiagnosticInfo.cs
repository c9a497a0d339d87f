using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Specializer.Manifest;

namespace Specializer.Generator.Diagnostics;

/// <summary>A diagnostic as plain values: a <see cref="Diagnostic"/> in the pipeline would compare by reference.</summary>
internal sealed record DiagnosticInfo(string Id, string Message, string Path, int Start, int End, int Line, int Column, int EndLine, int EndColumn)
{
    /// <summary>About a file as a whole.</summary>
    public static DiagnosticInfo AtFile(string id, string path, string message) => new(id, message, path, 0, 0, 0, 0, 0, 0);

    /// <summary>About the project; it has no place that the compiler knows.</summary>
    public static DiagnosticInfo OfProject(string id, string message) => AtFile(id, "", message);

    public static DiagnosticInfo At(ManifestError error, string path, LineMap lines) => new(
        error.Id, error.Message, path, lines.Offset(error.Line, error.Column), lines.Offset(error.EndLine, error.EndColumn),
        error.Line - 1, error.Column - 1, error.EndLine - 1, error.EndColumn - 1);

    /// <param name="help">Folder of the pages.</param>
    public Diagnostic ToDiagnostic(string help) => Diagnostic.Create(
        HelpPages.Link(Descriptors.Of(Id), help),
        Path.Length == 0 ? Location.None : Location.Create(Path, TextSpan.FromBounds(Start, End), new(new(Line, Column), new(EndLine, EndColumn))),
        Message);
}
