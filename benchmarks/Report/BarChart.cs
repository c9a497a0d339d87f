using System.Globalization;
using System.Security;
using System.Text;

namespace Specializer.Benchmarks.Report;

/// <summary>A group of bars on a scale of its own.</summary>
/// <param name="Title">What the group compares.</param>
/// <param name="Unit">Of the values.</param>
/// <param name="Bars">Label, value, and whether the bar is one of ours.</param>
internal sealed record BarGroup(string Title, string Unit, IReadOnlyList<(string Label, double Value, bool Ours)> Bars);

/// <summary>Horizontal bars as an SVG that fits light and dark pages.</summary>
internal static class BarChart
{
    private const int Width = 720, LabelWidth = 170, ValueWidth = 90, BarHeight = 16, Pitch = 22, TitleHeight = 34;

    public static string Draw(IReadOnlyList<BarGroup> groups)
    {
        var svg = new StringBuilder();
        int height = groups.Sum(group => TitleHeight + group.Bars.Count * Pitch) + 10, y = 0;
        svg.Append(CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{height}" viewBox="0 0 {Width} {height}" font-family="sans-serif" font-size="12">""");
        svg.Append("""

            <style>text { fill: #24292f } .title { font-weight: bold } .ours { fill: #2f6fb5 } .other { fill: #9aa4af }
            @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #5b9be0 } .other { fill: #6b7580 } }</style>

            """);
        foreach (BarGroup group in groups)
        {
            Text(0, y + 22, "title", "start", group.Title);
            y += TitleHeight;
            double largest = group.Bars.Max(bar => bar.Value);
            foreach (var (label, value, ours) in group.Bars)
            {
                double length = value / largest * (Width - LabelWidth - ValueWidth);
                Text(LabelWidth - 8, y + 12, "label", "end", label);
                svg.Append(CultureInfo.InvariantCulture, $"""<rect class="{(ours ? "ours" : "other")}" x="{LabelWidth}" y="{y}" width="{length:F1}" height="{BarHeight}"/>""").Append('\n');
                Text(LabelWidth + length + 6, y + 12, "value", "start", string.Create(CultureInfo.InvariantCulture, $"{value:G3} {group.Unit}"));
                y += Pitch;
            }
        }

        return svg.Append("</svg>\n").ToString();

        void Text(double x, double baseline, string style, string anchor, string text) =>
            svg.Append(CultureInfo.InvariantCulture, $"""<text class="{style}" x="{x:F1}" y="{baseline:F1}" text-anchor="{anchor}">{SecurityElement.Escape(text)}</text>""").Append('\n');
    }
}
