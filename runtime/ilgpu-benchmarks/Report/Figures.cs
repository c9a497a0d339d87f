using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Specializer.GpuBenchmarks.Report;

/// <summary>Takes figures as they come: each is a line on the terminal at once, and all of them are in the file at the latest after two seconds, so that a
/// run that is cut short loses little.</summary>
internal sealed class Figures(TextWriter to, FileInfo? json)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<object>> _tables = [];
    private int[] _widths = [];
    private long _saved;

    /// <summary>Begins a table on the terminal.</summary>
    public void Table(params string[] header)
    {
        lock (_lock)
        {
            _widths = [.. header.Select((text, column) => column == 0 ? 44 : Math.Max(text.Length, 8))];
            to.WriteLine();
            Write(header);
            to.WriteLine("|" + string.Join("|", _widths.Select((width, column) => new string('-', width + 1) + (column == 0 ? "-" : ":"))) + "|");
        }
    }

    /// <param name="table">Name in the file.</param>
    /// <param name="row">What the file receives.</param>
    /// <param name="cells">What the terminal shows.</param>
    public void Add(string table, object row, params object?[] cells)
    {
        lock (_lock)
        {
            if (!_tables.TryGetValue(table, out List<object>? rows)) _tables.Add(table, rows = []);
            rows.Add(row);
            Write(cells);
            if (Environment.TickCount64 - _saved > 2000) Save();
        }
    }

    /// <summary>Something that is not a figure: what was left out and why.</summary>
    public void Note(string text)
    {
        lock (_lock)
        {
            if (!_tables.TryGetValue("notes", out List<object>? notes)) _tables.Add("notes", notes = []);
            notes.Add(text);
            to.WriteLine(text);
        }
    }

    public void Save()
    {
        lock (_lock)
        {
            _saved = Environment.TickCount64;
            if (json is null) return;
            string next = json.FullName + ".next";
            File.WriteAllText(next, JsonSerializer.Serialize(_tables, Json));
            File.Move(next, json.FullName, overwrite: true);
        }
    }

    private void Write(object?[] cells) =>
        to.WriteLine("| " + string.Join(" | ", cells.Select((cell, column) => column == 0 ? Text(cell).PadRight(_widths[0]) : Text(cell).PadLeft(_widths[column]))) + " |");

    private static string Text(object? cell) => cell switch
    {
        null => "–",
        double number => number.ToString(Math.Abs(number) switch { >= 100 => "F0", >= 10 => "F1", >= 0.1 => "F2", 0 => "F0", _ => "G2" }, CultureInfo.InvariantCulture),
        bool yes => yes ? "yes" : "NO",
        _ => Convert.ToString(cell, CultureInfo.InvariantCulture)!,
    };
}
