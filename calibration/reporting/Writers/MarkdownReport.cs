namespace Specializer.Reporting;

/// <summary>A report as Markdown: setting, table, notes and verdicts, to be pasted into a document.</summary>
public static class MarkdownReport
{
    /// <summary>Writes the report; lines end with '\n'.</summary>
    /// <param name="report">What to write.</param>
    /// <param name="to">Where to; stays open.</param>
    public static void Write(EvaluationReport report, Stream to)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(to);
        using var text = new StreamWriter(to, leaveOpen: true) { NewLine = "\n" };
        IReadOnlyList<ReportTable.Column> columns = ReportTable.Columns(report);
        text.WriteLine($"{report.Model}: {ReportTable.Setting(report)}. {ReportTable.Corrections(report)}");
        text.WriteLine();
        Line(columns.Select(c => c.Header));
        Line(columns.Select(_ => "---"));
        foreach (ReportRow row in report.Rows) Line(columns.Select(c => c.Cell(row)));
        text.WriteLine();
        foreach (ReportTable.Column column in columns.Where(c => c.Note.Length > 0)) text.WriteLine($"- {column.Header}: {column.Note}.");
        Section("Noise without corrections, on the calibration's trajectories:", report.Statistics.Select(ReportTable.Sentence));
        Section("What each part does, against the row that lacks it:", report.Rows.Where(r => r.Verdict is not null).Select(r => $"{r.Bits}, {ReportTable.Sentence(r.Verdict!)}"));
        Section("Whether these images bear out what the calibration decided, by its own criteria:", report.Decisions.Select(c => ReportTable.Sentence(report, c)));

        void Line(IEnumerable<string> cells) => text.WriteLine($"| {string.Join(" | ", cells.Select(Escape))} |");

        void Section(string title, IEnumerable<string> sentences)
        {
            string[] all = [.. sentences];
            if (all.Length == 0) return;
            text.WriteLine();
            text.WriteLine(title);
            text.WriteLine();
            foreach (string sentence in all) text.WriteLine($"- {sentence}");
        }
    }

    private static string Escape(string cell) => cell.Replace("|", "\\|", StringComparison.Ordinal);
}
