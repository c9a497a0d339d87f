using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Specializer.Calibration.Tests;

public class ReportWriterTests
{
    [Fact]
    public void Every_row_of_the_JSON_has_every_promised_figure()
    {
        EvaluationReport report = SyntheticReport.Create();
        using JsonDocument json = JsonDocument.Parse(Bytes(report, JsonReport.Write));
        JsonElement[] rows = [.. json.RootElement.GetProperty("rows").EnumerateArray()];
        Assert.Equal(report.Rows.Select(r => r.Name), rows.Select(r => r.GetProperty("name").GetString()));
        string[] figures =
        [
            "snrDb", "snrDbLow", "snrDbHigh", "medianSnrDb", "psnrDb", "labelAccuracy", "frechet", "frechetFloor", "bitOperationsSaved", "bytes", "msPerImage",
        ];
        Assert.All(rows[1..], row => Assert.All(figures, f => Assert.Equal(JsonValueKind.Number, row.GetProperty(f).ValueKind)));
        // FP32 has no distance to itself, and says so rather than 0.
        Assert.Equal(JsonValueKind.Null, rows[0].GetProperty("snrDb").ValueKind);
        Assert.Equal(26.4, rows[1].GetProperty("snrDb").GetDouble() - 0.6, 1e-9);
        Assert.Equal(3.2, rows[1].GetProperty("frechetFloor").GetDouble());
        Assert.Equal("improves", rows[2].GetProperty("verdict").GetProperty("outcome").GetString());
        // What is infinite is not known to JSON.
        Assert.Equal(JsonValueKind.Null, rows[1].GetProperty("driftDb")[0].ValueKind);
        JsonElement[] widths = [.. json.RootElement.GetProperty("statistics").EnumerateArray()];
        Assert.Equal(["W8A8", "W4A8", "W4A4"], widths.Select(w => w.GetProperty("bits").GetString()));
        Assert.Equal(19.1, widths[1].GetProperty("freeRunningSnrDbHigh")[0].GetDouble(), 1e-6);
        Assert.Equal(SyntheticReport.Steps, rows[1].GetProperty("steps").GetProperty("k").GetArrayLength());
    }

    [Fact]
    public void Every_form_says_which_corrections_ship_and_whether_these_images_bear_them_out()
    {
        EvaluationReport report = SyntheticReport.Create();
        const string corrections = "mean not corrected; variance corrected (σ' for σ at 19 of 19 steps that inject noise); 4-bit activations at 5 of 20 steps (budget)";
        string page = System.Net.WebUtility.HtmlDecode(Encoding.UTF8.GetString(Bytes(report, HtmlReport.Write))), markdown = Encoding.UTF8.GetString(Bytes(report, MarkdownReport.Write));
        foreach (string text in (string[])[Text(report), markdown, page])
        {
            Assert.Contains(corrections, text, StringComparison.Ordinal);
            Assert.Contains("mean correction mmse: not applied by the calibration, on 64 held-out images; here it changes the squared error to FP32, dB, mean over images by −0.40 dB [−0.60, −0.20]; this does not agree: 512 images", text, StringComparison.Ordinal);
            Assert.Contains("512 images neither confirm nor refute a difference of that size.", text, StringComparison.Ordinal);
        }

        using JsonDocument json = JsonDocument.Parse(Bytes(report, JsonReport.Write));
        Assert.Equal([JsonValueKind.False, JsonValueKind.Null, JsonValueKind.True], json.RootElement.GetProperty("decisions").EnumerateArray().Select(d => d.GetProperty("agrees").ValueKind));
        Assert.Equal(corrections, json.RootElement.GetProperty("corrections").GetString());
    }

    [Fact]
    public void Without_a_classifier_its_figures_are_null()
    {
        EvaluationReport report = SyntheticReport.Create(classifier: false);
        report = report with { Rows = [.. report.Rows.Select(r => r with { Digits = null })], Decisions = [] };
        using JsonDocument json = JsonDocument.Parse(Bytes(report, JsonReport.Write));
        foreach (JsonElement row in json.RootElement.GetProperty("rows").EnumerateArray())
            Assert.All((string[])["labelAccuracy", "frechet", "frechetFloor"], f => Assert.Equal(JsonValueKind.Null, row.GetProperty(f).ValueKind));
        Assert.DoesNotContain("Fréchet", Text(report));
    }

    [Fact]
    public void The_page_stands_alone_and_its_charts_are_sound()
    {
        string page = Encoding.UTF8.GetString(Bytes(SyntheticReport.Create(), HtmlReport.Write));
        Assert.Equal(4, Regex.Count(page, "src=\"data:image/png;base64,[A-Za-z0-9+/]+=*\""));
        foreach (string outside in (string[])["<script", "http", "src=\"/", "src=\"h", "@import", "url("]) Assert.DoesNotContain(outside, page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("mnist &lt;test&gt;", page);
        Assert.DoesNotContain("mnist <test>", page);
        XElement[] charts = [.. Regex.Matches(page, "<svg.*?</svg>", RegexOptions.Singleline).Select(m => XElement.Parse(m.Value))];
        Assert.Equal(11, charts.Length);
        // No number of a drawing may be what a browser cannot read.
        foreach (XAttribute attribute in charts.SelectMany(c => c.Descendants()).Attributes().Where(a => a.Name.LocalName is "d" or "x" or "y" or "x1" or "x2" or "y1" or "y2" or "cx" or "cy"))
            Assert.Matches(@"^[MLHV0-9 .\-]+$", attribute.Value);
        foreach (string row in SyntheticReport.Create().Rows.Select(r => r.Name)) Assert.Contains($"<td>{row}</td>", page);
        Assert.Contains("no difference beyond the interval", page);
        Assert.Contains("<span>7, 31.2 dB</span>", page);
        Assert.Contains("<span>3, equal</span>", page);
        Assert.Contains("<td>mid &lt;block&gt;</td>", page);
    }

    /// <summary>A curve over the number of trajectories: one line for the median and one for all images of each width, at each number.</summary>
    [Fact]
    public void Rows_of_several_numbers_of_trajectories_are_a_curve()
    {
        EvaluationReport report = SyntheticReport.Create();
        report = report with { Rows = [.. report.Rows.Select(r => r with { Trajectories = r.Name switch { "W8A8 nearest" => 8, "W8A8 + per-step ranges" => 32, _ => null } })] };
        string page = Encoding.UTF8.GetString(Bytes(report, HtmlReport.Write)), curve = Assert.Single(Regex.Matches(page, "<figure.*?</figure>", RegexOptions.Singleline), m => m.Value.Contains(">trajectories<", StringComparison.Ordinal)).Value;
        Assert.Equal(2, XElement.Parse(Regex.Match(curve, "<svg.*?</svg>", RegexOptions.Singleline).Value).Elements().Count(e => e.Name.LocalName == "path"));
        Assert.Contains(">8</text>", curve, StringComparison.Ordinal);
        Assert.Contains(">32</text>", curve, StringComparison.Ordinal);
        Assert.Contains("\"trajectories\": 32", Encoding.UTF8.GetString(Bytes(report, JsonReport.Write)), StringComparison.Ordinal);
    }

    /// <summary>Of a sampler that injects no noise, and of one width, such charts would be flat lines.</summary>
    [Fact]
    public void What_is_off_has_no_chart()
    {
        EvaluationReport report = SyntheticReport.Create();
        string[] off = ["σ", "Absorbed share", "Activation bits"];
        Assert.Equal(off.Length, off.Count(title => Titles(report).Any(t => t.StartsWith(title, StringComparison.Ordinal))));
        EvaluationReport deterministic = report with { Rows = [.. report.Rows.Select(r => r with { Steps = [.. r.Steps.Select(s => s with { Bits = 8, Sigma = 0, CalibratedSigma = 0 })] })] };
        Assert.DoesNotContain(Titles(deterministic), title => off.Any(o => title.StartsWith(o, StringComparison.Ordinal)));
        EvaluationReport uncorrected = report with { Rows = [.. report.Rows.Select(r => r with { Steps = [.. r.Steps.Select(s => s with { CalibratedSigma = s.Sigma })] })] };
        Assert.Contains("σ", Titles(uncorrected));
        Assert.DoesNotContain(Titles(uncorrected), title => title.StartsWith("Absorbed", StringComparison.Ordinal));

        static string[] Titles(EvaluationReport r) => [.. Regex.Matches(Encoding.UTF8.GetString(Bytes(r, HtmlReport.Write)), "<figcaption><b>([^<]*)</b>").Select(m => System.Net.WebUtility.HtmlDecode(m.Groups[1].Value))];
    }

    [Fact]
    public void Pictures_are_captioned_by_what_was_drawn()
    {
        EvaluationReport report = SyntheticReport.Create();
        report = report with { Pictures = [report.Pictures[0] with { Label = -1, Prompt = "<cat> face" }] };
        Assert.Contains("<span>&lt;cat&gt; face, 31.2 dB</span>", Encoding.UTF8.GetString(Bytes(report, HtmlReport.Write)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_text_says_plainly_what_helps_and_what_does_not()
    {
        string text = Text(SyntheticReport.Create());
        Assert.Contains("per-step ranges: improves its criterion; median of the paired SNR +6.00 dB [5.50, 6.50], SNR +4.00 dB [2.00, 6.00].", text);
        Assert.Contains("bias: makes no difference beyond the interval; mean difference to FP32 −0.00100 [−0.00200, 0.00050]", text);
        Assert.Contains("k: changes no image.", text);
        Assert.Contains("preset: worsens its criterion", text);
        Assert.Contains(NetworkCost.Rule, text);
        Assert.Contains("W8A8: one prediction 3.4 dB in the median over steps, 1.8 [1.7, 1.9] at the worst", text);
        Assert.Contains("normal (Jarque-Bera, 1 %) at 1 of 20 steps", text);
        Assert.Contains("in floors: 1 is real digits to other real digits in samples of this size, 3.2 in the", text);
        Assert.Equal(text, Text(SyntheticReport.Create()));
    }

    [Fact]
    public void The_Markdown_has_a_row_for_each_row_and_as_many_cells_as_columns()
    {
        string text = Encoding.UTF8.GetString(Bytes(SyntheticReport.Create(), MarkdownReport.Write));
        string[] table = [.. text.Split('\n').Where(l => l.StartsWith('|'))];
        Assert.Equal(2 + SyntheticReport.Create().Rows.Count, table.Length);
        Assert.Single(table.Select(l => l.Split(" | ").Length).Distinct());
        Assert.Contains("- W4A8, bias: makes no difference beyond the interval", text);
        Assert.Contains("- W4A4: one prediction", text);
        Assert.DoesNotContain('\r', text);
    }

    private static string Text(EvaluationReport report)
    {
        var writer = new StringWriter { NewLine = "\n" };
        TextReport.Write(report, writer);
        return writer.ToString();
    }

    private static byte[] Bytes(EvaluationReport report, Action<EvaluationReport, Stream> write)
    {
        using var stream = new MemoryStream();
        write(report, stream);
        return stream.ToArray();
    }
}
