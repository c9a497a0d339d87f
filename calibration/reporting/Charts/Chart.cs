using System.Globalization;
using System.Net;
using System.Text;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>A line of a chart.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Values">One a step; what is not finite interrupts the line.</param>
/// <param name="Dashed">Drawn with gaps, to be seen under another line.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<double> Values, bool Dashed = false);

/// <summary>A row of an interval chart.</summary>
/// <param name="Name">Label.</param>
/// <param name="Values">One a kind of value, with its interval; what is not finite is left out.</param>
internal sealed record ChartIntervals(string Name, IReadOnlyList<Interval> Values);

/// <summary>Charts as inline SVG with a caption. Colours are the page's variables <c>--s0</c> to <c>--s7</c>, so that they fit its light and dark form.</summary>
internal static class Chart
{
    /// <summary>Colours that the page defines.</summary>
    public const int Colors = 8;

    private const double Width = 620, Height = 250, Left = 52, Right = 12, Top = 10, Bottom = 36;

    /// <summary>Lines over the denoising steps, or over what else there are numbers for.</summary>
    /// <param name="title">What is drawn.</param>
    /// <param name="explanation">One sentence for the caption.</param>
    /// <param name="labels">Of the steps.</param>
    /// <param name="series">The lines.</param>
    /// <param name="stairs">True for values that hold for a whole step.</param>
    /// <param name="axis">What the labels are.</param>
    public static string Lines(string title, string explanation, IReadOnlyList<int> labels, IReadOnlyList<ChartSeries> series, bool stairs = false, string axis = "timestep, in the order of sampling")
    {
        var y = new ChartScale(series.SelectMany(s => s.Values), Height - Bottom, Top);
        int steps = labels.Count;
        double X(double step) => Left + (steps == 1 ? 0.5 : step / (steps - 1)) * (Width - Left - Right);

        var svg = new StringBuilder();
        Open(svg, Width, Height, title);
        foreach (double tick in y.Ticks)
        {
            svg.Append(Text($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y[tick]:0.#}\" y2=\"{y[tick]:0.#}\"/>"));
            Label(svg, Left - 6, y[tick] + 4, "end", tick.ToString(y.Format, CultureInfo.InvariantCulture));
        }

        int stride = Math.Max(1, (steps + 9) / 10);
        for (int step = 0; step < steps; step += stride) Label(svg, X(step), Height - Bottom + 16, "middle", Text($"{labels[step]}"));
        Label(svg, (Left + Width - Right) / 2, Height - 4, "middle", axis);
        for (int s = 0; s < series.Count; s++)
        {
            svg.Append(Text($"<path class=\"line\" style=\"stroke:var(--s{s % Colors})\"{(series[s].Dashed ? " stroke-dasharray=\"5 4\"" : "")} d=\""));
            bool pen = false;
            double last = 0;
            for (int step = 0; step < steps; step++)
            {
                double value = series[s].Values[step];
                if (!double.IsFinite(value))
                {
                    pen = false;
                    continue;
                }

                // A staircase turns halfway between two steps.
                if (pen && stairs && value != last) svg.Append(Text($"H{X(step - 0.5):0.#}V{y[value]:0.#}"));
                svg.Append(Text($"{(pen ? 'L' : 'M')}{X(step):0.#} {y[value]:0.#}"));
                (pen, last) = (true, value);
            }

            svg.Append(Text($"\"><title>{Escape(series[s].Name)}</title></path>"));
        }

        return Figure(svg, title, explanation, [.. series.Select((s, i) => (s.Name, i % Colors, s.Dashed))]);
    }

    /// <summary>Values with their intervals, a row each.</summary>
    /// <param name="title">What is drawn.</param>
    /// <param name="explanation">One sentence for the caption.</param>
    /// <param name="kinds">Names of the kinds of value.</param>
    /// <param name="rows">The rows.</param>
    public static string Intervals(string title, string explanation, IReadOnlyList<string> kinds, IReadOnlyList<ChartIntervals> rows)
    {
        const double pitch = 22, left = 230, bottom = 24, width = 1240;
        double height = Top + rows.Count * pitch + bottom;
        // Letters have about half the height in width; a long name is better cut than drawn over the plot.
        const int longest = 40;
        var x = new ChartScale(rows.SelectMany(r => r.Values).SelectMany(i => (double[])[i.Low, i.High, i.Value]), left, width - 20);
        var svg = new StringBuilder();
        Open(svg, width, height, title);
        foreach (double tick in x.Ticks)
        {
            svg.Append(Text($"<line class=\"grid\" y1=\"{Top}\" y2=\"{height - bottom}\" x1=\"{x[tick]:0.#}\" x2=\"{x[tick]:0.#}\"/>"));
            Label(svg, x[tick], height - 6, "middle", tick.ToString(x.Format, CultureInfo.InvariantCulture));
        }

        for (int r = 0; r < rows.Count; r++)
        {
            double middle = Top + (r + 0.5) * pitch;
            string name = rows[r].Name.Length <= longest ? rows[r].Name : $"{rows[r].Name[..(longest - 1)]}…";
            Label(svg, left - 12, middle + 4, "end", name);
            for (int k = 0; k < kinds.Count; k++)
            {
                Interval i = rows[r].Values[k];
                if (!double.IsFinite(i.Value)) continue;
                bool known = double.IsFinite(i.Low) && double.IsFinite(i.High);
                double y = middle + (k - (kinds.Count - 1) / 2.0) * 7;
                svg.Append(Text($"<g style=\"stroke:var(--s{k % Colors});fill:var(--s{k % Colors})\"><title>{Escape(rows[r].Name)}, {Escape(kinds[k])}: {i.Value:0.00}{(known ? Text($" [{i.Low:0.00}, {i.High:0.00}]") : "")}</title>"));
                if (known) svg.Append(Text($"<line class=\"whisker\" x1=\"{x[i.Low]:0.#}\" x2=\"{x[i.High]:0.#}\" y1=\"{y:0.#}\" y2=\"{y:0.#}\"/>"));
                svg.Append(Text($"<circle cx=\"{x[i.Value]:0.#}\" cy=\"{y:0.#}\" r=\"3.2\"/></g>"));
            }
        }

        return Figure(svg, title, explanation, [.. kinds.Select((k, i) => (k, i % Colors, false))], "wide");
    }

    private static void Open(StringBuilder svg, double width, double height, string title) =>
        svg.Append(Text($"<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{Escape(title)}\">"));

    private static void Label(StringBuilder svg, double x, double y, string anchor, string text) =>
        svg.Append(Text($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\">{Escape(text)}</text>"));

    private static string Figure(StringBuilder svg, string title, string explanation, IReadOnlyList<(string Name, int Color, bool Dashed)> legend, string style = "")
    {
        var figure = new StringBuilder();
        figure.Append(Text($"<figure class=\"{style}\"><figcaption><b>{Escape(title)}</b> <span>{Escape(explanation)}</span></figcaption>\n{svg}</svg>\n<p class=\"legend\">"));
        foreach (var (name, color, dashed) in legend)
            figure.Append(Text($"<span><i style=\"border-top:3px {(dashed ? "dashed" : "solid")} var(--s{color})\"></i>{Escape(name)}</span>"));
        return figure.Append("</p></figure>\n").ToString();
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
