namespace Specializer.Manifest;

/// <summary>A manifest, or why there is none.</summary>
/// <param name="Manifest">Null when there is any error.</param>
/// <param name="Errors">In the order of the text, as far as the reader came.</param>
internal sealed record ManifestResult(CalibrationManifest? Manifest, EquatableArray<ManifestError> Errors);

/// <summary>One mistake in a manifest. Lines and columns count from 1; the end is exclusive.</summary>
/// <param name="Id">See docs/diagnostics.md.</param>
/// <param name="Message">What is wrong, why, and how to fix it.</param>
/// <param name="Line">First line.</param>
/// <param name="Column">First column.</param>
/// <param name="EndLine">Last line.</param>
/// <param name="EndColumn">Column after the last character.</param>
internal sealed record ManifestError(string Id, string Message, int Line, int Column, int EndLine, int EndColumn);

/// <summary>Ids of the mistakes that the reader reports.</summary>
internal static class ManifestErrorId
{
    public const string Syntax = "SPZ001";
    public const string UnknownProperty = "SPZ002";
    public const string MissingProperty = "SPZ003";
    public const string WrongKind = "SPZ004";
    public const string SchemaVersion = "SPZ005";
    public const string Name = "SPZ006";
    public const string Choice = "SPZ007";
    public const string Range = "SPZ008";
    public const string Length = "SPZ009";
    public const string Duplicate = "SPZ010";
    public const string UnknownMap = "SPZ011";
    public const string DataFlow = "SPZ012";
    public const string Shape = "SPZ013";
    public const string ElementType = "SPZ014";
    public const string Limit = "SPZ015";
    public const string Contradiction = "SPZ016";
    public const string Encoding = "SPZ017";
    public const string Solver = "SPZ018";
    public const string Internal = "SPZ099";
}

/// <summary>Collects mistakes. After <see cref="Maximum"/> of them the rest would not help anyone.</summary>
internal sealed class ErrorLog(LineMap lines)
{
    public const int Maximum = 100;

    private readonly List<ManifestError> _errors = [];

    public bool Any => _errors.Count > 0;

    public bool IsFull => _errors.Count >= Maximum;

    public EquatableArray<ManifestError> Errors => _errors
        .OrderBy(e => e.Line).ThenBy(e => e.Column).ThenBy(e => e.Id, StringComparer.Ordinal).ToEquatableArray();

    public void Add(string id, string message, JsonNode at) =>
        // Of an object or array only the opening bracket: underlining half a file shows nothing.
        Add(id, message, at.Start, at.Kind is JsonKind.Object or JsonKind.Array ? at.Start + 1 : at.End);

    public void Add(string id, string message, int start, int end)
    {
        if (IsFull) return;
        var (line, column) = lines[start];
        var (endLine, endColumn) = lines[end];
        _errors.Add(new(id, message, line, column, endLine, endColumn));
    }
}
