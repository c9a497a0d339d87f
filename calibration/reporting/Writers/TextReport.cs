namespace Specializer.Reporting;

/// <summary>A report for the terminal.</summary>
public static class TextReport
{
    /// <summary>Prints the table, its notes and the verdicts.</summary>
    /// <param name="report">What to print.</param>
    /// <param name="to">Where to.</param>
    public static void Write(EvaluationReport report, TextWriter to)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(to);
        IReadOnlyList<ReportTable.Column> columns = ReportTable.Columns(report);
        string[][] lines = [[.. columns.Select(c => c.Header)], .. report.Rows.Select(r => columns.Select(c => c.Cell(r)).ToArray())];
        int[] widths = [.. columns.Select((_, c) => lines.Max(l => l[c].Length))];
        to.WriteLine($"{report.Model}: {ReportTable.Setting(report)}.");
        to.WriteLine(ReportTable.Corrections(report));
        to.WriteLine();
        foreach (string[] line in lines)
            to.WriteLine(string.Join("  ", line.Select((cell, c) => c < 2 ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c]))).TrimEnd());
        to.WriteLine();
        foreach (ReportTable.Column column in columns.Where(c => c.Note.Length > 0)) to.WriteLine($"{column.Header}: {column.Note}.");
        if (report.Statistics.Count > 0)
        {
            to.WriteLine();
            to.WriteLine("Noise without corrections, on the calibration's trajectories; 95 % intervals, bootstrap over trajectories:");
            foreach (WidthFigures width in report.Statistics) to.WriteLine($"  {ReportTable.Sentence(width)}");
        }

        Verdict[] verdicts = [.. report.Rows.Select(r => r.Verdict).OfType<Verdict>()];
        if (verdicts.Length == 0) return;
        to.WriteLine();
        to.WriteLine("What each part does, against the row that lacks it; 95 % intervals of the difference, bootstrap over images:");
        foreach (ReportRow row in report.Rows.Where(r => r.Verdict is not null)) to.WriteLine($"  {row.Bits,-4}  {ReportTable.Sentence(row.Verdict!)}");
        if (report.Decisions.Count == 0) return;
        to.WriteLine();
        to.WriteLine("Whether these images bear out what the calibration decided, by its own criteria:");
        foreach (DecisionCheck check in report.Decisions) to.WriteLine($"  {ReportTable.Sentence(report, check)}");
    }
}
