using System.Globalization;

namespace Specializer.Benchmarks.Report;

/// <summary>A table in Markdown, which reads as well on a terminal: first column left, the others right.</summary>
internal sealed class MarkdownTable(params string[] header)
{
    private readonly List<string[]> _rows = [header];

    public void Add(params object?[] cells) => _rows.Add([.. cells.Select(Text)]);

    public override string ToString()
    {
        int[] widths = [.. Enumerable.Range(0, header.Length).Select(column => Math.Max(3, _rows.Max(row => row[column].Length)))];
        string Line(string[] row) => "| " + string.Join(" | ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))) + " |\n";
        string rule = "|" + string.Join("|", widths.Select((width, column) => column == 0 ? new string('-', width + 2) : new string('-', width + 1) + ":")) + "|\n";
        return Line(_rows[0]) + rule + string.Concat(_rows.Skip(1).Select(Line));
    }

    private static string Text(object? cell) => cell switch
    {
        null => "–",
        double number => number.ToString(number switch { >= 100 => "F0", >= 10 => "F1", _ => "F2" }, CultureInfo.InvariantCulture),
        _ => Convert.ToString(cell, CultureInfo.InvariantCulture)!,
    };
}
