using System.Globalization;
using System.Net;
using System.Text;

namespace Specializer.Reporting;

/// <summary>A report as one page: no scripts, no files beside it, light or dark as the reader's system is.</summary>
public static class HtmlReport
{
    private const string Style = """
        :root { color-scheme: light dark; --page: #ffffff; --card: #f6f8fa; --text: #1f2328; --quiet: #59636e; --rule: #d1d9e0; --good: #1a7f37; --bad: #b3261e;
          --s0: #2f6fb5; --s1: #c25e00; --s2: #1b8a5a; --s3: #a3348e; --s4: #8a6d00; --s5: #c0392b; --s6: #0e7c86; --s7: #59636e }
        @media (prefers-color-scheme: dark) { :root { --page: #0d1117; --card: #151b23; --text: #e6edf3; --quiet: #9198a1; --rule: #3d444d; --good: #4cc26a; --bad: #ff7b72;
          --s0: #6cb0ff; --s1: #ffa657; --s2: #56d39b; --s3: #e08ad6; --s4: #e3c341; --s5: #ff8a80; --s6: #4fd0db; --s7: #9198a1 } }
        * { box-sizing: border-box }
        body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 84rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
        h1 { font-size: 1.7rem; margin: 0 } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem }
        .setting, .notes, figcaption span { color: var(--quiet) } .notes { font-size: .85rem; padding-left: 1.2rem } .setting { margin: .25rem 0 .75rem }
        .facts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 0; padding: 0; list-style: none }
        .facts li { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .6rem 1rem; min-width: 9rem; flex: 1 1 9rem }
        .facts b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums } .facts span { color: var(--quiet); font-size: .85rem }
        .scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 8px }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem }
        th, td { padding: .38rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule) }
        th { color: var(--quiet); font-weight: 600; background: var(--card) } tr:last-child td { border-bottom: 0 }
        td:nth-child(-n+2), th:nth-child(-n+2), .verdicts td, .verdicts th { text-align: left } tr.group td { border-top: 2px solid var(--rule) }
        tr.artefact td { font-weight: 600; background: var(--card) } .verdicts td { white-space: normal } td.figure { white-space: nowrap }
        .improves { color: var(--good); font-weight: 600 } .worsens { color: var(--bad); font-weight: 600 }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(32rem, 100%), 1fr)); gap: 1.25rem }
        figure { margin: 0; padding: 1rem; border: 1px solid var(--rule); border-radius: 8px; background: var(--card) } figure.wide { grid-column: 1 / -1 }
        figcaption { font-size: .9rem; margin-bottom: .5rem } figcaption b { display: block; color: var(--text) }
        svg { display: block; width: 100%; height: auto } svg text { fill: var(--quiet); font-size: 11px } .wide svg text { font-size: 12px } .grid { stroke: var(--rule); stroke-width: 1 }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round } .whisker { stroke-width: 2; stroke-linecap: round }
        .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; margin: .75rem 0 0; padding: 0; list-style: none }
        .pictures li { position: relative; border-radius: 6px } .pictures img { display: block; width: 100%; border-radius: 6px; background: #000; image-rendering: pixelated }
        .pictures .float32 { position: absolute; inset: 0 0 auto; opacity: 0 } .pictures li:hover .float32, .pictures li:focus .float32, body:has(#flip:checked) .float32 { opacity: 1 }
        .pictures span { display: block; margin-top: .2rem; color: var(--quiet); font-size: .8rem; font-variant-numeric: tabular-nums } :focus-visible { outline: 3px solid var(--s0); outline-offset: 2px }
        .layers td:nth-child(n+3) { text-align: right } .layers td i { display: block; height: .35rem; margin-top: .15rem; margin-left: auto; border-radius: 2px; background: var(--s0) } .layers td + td + td + td + td + td i { background: var(--s1) }
        @media (max-width: 30rem) { body { padding: 1.25rem 1rem 3rem } h1 { font-size: 1.35rem } .facts li { flex-basis: 100% } }
        .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .5rem 0 0; font-size: .82rem } .legend i { display: inline-block; width: 1.6em; margin-right: .4em; vertical-align: middle }
        """;

    /// <summary>Writes the page.</summary>
    /// <param name="report">What to show.</param>
    /// <param name="to">Where to; stays open.</param>
    public static void Write(EvaluationReport report, Stream to)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(to);
        var page = new StringBuilder();
        page.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Append($"<title>{Escape(report.Model)}: evaluation</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n");
        page.Append($"<h1>{Escape(report.Model)}: quantized against FP32</h1>\n<p class=\"setting\">{Escape(ReportTable.Setting(report))}. {Escape(ReportTable.Corrections(report))}</p>\n");
        Facts(page, report);
        PageSections.Pictures(page, report.Pictures);
        Table(page, report);
        Verdicts(page, report);
        page.Append("<h2>Plots</h2>\n<div class=\"charts\">\n");
        foreach (string chart in ReportCharts.All(report)) page.Append(chart);
        page.Append("</div>\n");
        PageSections.Layers(page, report.Layers);
        page.Append("</body>\n</html>\n");
        to.Write(Encoding.UTF8.GetBytes(page.ToString().ReplaceLineEndings("\n")));
    }

    private static void Facts(StringBuilder page, EvaluationReport report)
    {
        ReportRow row = report.Rows[^1];
        page.Append("<ul class=\"facts\">\n");
        if (row.MedianSnrDb is { } median) Fact(double.IsFinite(median.Value) ? Text($"{median.Value:0.0} dB") : "equal", "median SNR to FP32");
        Fact(Text($"{row.BitOperationsSaved:0.0}×"), "fewer bit operations");
        Fact(Text($"{row.Bytes / 1e6:0.00} MB"), Text($"weights; FP32 {report.Rows[0].Bytes / 1e6:0.00} MB"));
        if (row is { MsPerImage: { } ms, Speedup: { } speedup }) Fact(Text($"{speedup:0.0}×"), Text($"faster than FP32: {ms:0.0} ms an image"));
        if (row.Digits?.LabelAccuracy is { } accuracy) Fact(Text($"{accuracy:0.0%}"), Text($"read as asked for; FP32 {report.Rows[0].Digits?.LabelAccuracy:0.0%}"));
        page.Append("</ul>\n");

        void Fact(string figure, string meaning) => page.Append($"<li><b>{Escape(figure)}</b><span>{Escape(meaning)}</span></li>\n");
    }

    private static void Table(StringBuilder page, EvaluationReport report)
    {
        IReadOnlyList<ReportTable.Column> columns = ReportTable.Columns(report);
        page.Append("<h2>Table</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures\"><table>\n<tr>");
        foreach (ReportTable.Column column in columns) page.Append($"<th title=\"{Escape(column.Note)}\">{Escape(column.Header)}</th>");
        page.Append("</tr>\n");
        for (int r = 0; r < report.Rows.Count; r++)
        {
            string style = r == report.Rows.Count - 1 ? "artefact group" : r > 0 && report.Rows[r].Bits != report.Rows[r - 1].Bits ? "group" : "";
            page.Append($"<tr class=\"{style}\">");
            foreach (ReportTable.Column column in columns) page.Append($"<td>{Escape(column.Cell(report.Rows[r]))}</td>");
            page.Append("</tr>\n");
        }

        page.Append("</table></div>\n<ul class=\"notes\">\n");
        foreach (ReportTable.Column column in columns.Where(c => c.Note.Length > 0)) page.Append($"<li><b>{Escape(column.Header)}</b>: {Escape(column.Note)}.</li>\n");
        page.Append("</ul>\n");
    }

    private static void Verdicts(StringBuilder page, EvaluationReport report)
    {
        ReportRow[] rows = [.. report.Rows.Where(r => r.Verdict is not null)];
        if (rows.Length == 0) return;
        page.Append("<h2>Does each part do what it is for?</h2>\n<p class=\"setting\">Against the row that lacks it: same noise, same labels; 95 % intervals of the difference, bootstrap over images.</p>\n");
        page.Append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Verdicts\"><table class=\"verdicts\">\n<tr><th>Bits</th><th>Part</th><th>Against</th><th>Its criterion</th><th>Change</th><th>SNR, all images</th><th>Verdict</th></tr>\n");
        foreach (ReportRow row in rows)
        {
            Verdict v = row.Verdict!;
            var (style, words) = v.Outcome switch
            {
                Outcome.Improves => ("improves", "improves"),
                Outcome.Worsens => ("worsens", "worsens"),
                Outcome.Identical => ("", "changes no image"),
                _ => ("", "no difference beyond the interval"),
            };
            bool same = v.Outcome == Outcome.Identical;
            page.Append($"<tr><td>{Escape(row.Bits)}</td><td>{Escape(v.Change)}</td><td>{Escape(v.Against)}</td><td>{Escape(ReportTable.Name(v.Criterion))}</td>");
            page.Append($"<td class=\"figure\">{(same ? "" : Escape(ReportTable.Difference(v)))}</td><td class=\"figure\">{(same ? "" : Escape(ReportTable.SnrDifference(v)))}</td><td class=\"{style}\">{words}</td></tr>\n");
        }

        page.Append("</table></div>\n");
        if (report.Decisions.Count == 0) return;
        page.Append("<h2>Decisions of the calibration</h2>\n<ul>\n");
        foreach (DecisionCheck check in report.Decisions) page.Append($"<li>{Escape(ReportTable.Sentence(report, check))}</li>\n");
        page.Append("</ul>\n");
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
