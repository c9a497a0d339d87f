using System.Globalization;
using System.Net;
using System.Text;
using Specializer.Calibration;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>The page's parts that other writers have not: pictures, and layers with bars.</summary>
internal static class PageSections
{
    /// <summary>The artefact's pictures; FP32's take their place under the pointer, the focus, or all at once.</summary>
    public static void Pictures(StringBuilder page, IReadOnlyList<PicturePair> pictures)
    {
        if (pictures.Count == 0) return;
        page.Append("<h2>Pictures</h2>\n<p class=\"setting\">Quantized, with the signal-to-noise ratio to FP32 from the same noise. FP32 shows while the pointer is on a picture, or it has the focus. ");
        page.Append("<label><input type=\"checkbox\" id=\"flip\"> All in FP32</label></p>\n<ul class=\"pictures\">\n");
        foreach (PicturePair pair in pictures)
        {
            string label = pair.Prompt.Length > 0 ? WebUtility.HtmlEncode($"{MessageText.Harmless(pair.Prompt)}, ") : pair.Label < 0 ? "" : Text($"{pair.Label}, "), snr = double.IsFinite(pair.SnrDb) ? Text($"{pair.SnrDb:0.0} dB") : "equal";
            page.Append($"<li tabindex=\"0\"><img alt=\"quantized: {label}{snr}\" src=\"{Data(pair.Quantized)}\"><img class=\"float32\" alt=\"FP32\" src=\"{Data(pair.Float32)}\"><span>{label}{snr}</span></li>\n");
        }

        page.Append("</ul>\n");
    }

    /// <summary>What each operation weighs and how much it computes.</summary>
    public static void Layers(StringBuilder page, IReadOnlyList<LayerInspection> layers)
    {
        if (layers.Count == 0) return;
        double most = Math.Max(1, layers.Max(l => l.MultiplyAccumulates)), heaviest = Math.Max(1, layers.Max(l => l.WeightBytes));
        page.Append(Text($"<h2>Layers</h2>\n<p class=\"setting\">{layers.Count} operations; {layers.Sum(l => l.WeightBytes):N0} bytes; {layers.Sum(l => l.MultiplyAccumulates):N0} multiply-accumulates for one image and step.</p>\n"));
        page.Append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Layers\"><table class=\"layers\">\n<tr><th>Layer</th><th>Operation</th><th>Output</th><th>Bits</th><th>Bytes</th><th>Multiply-accumulates</th></tr>\n");
        foreach (LayerInspection layer in layers)
        {
            page.Append($"<tr><td>{WebUtility.HtmlEncode(layer.Name)}</td><td>{layer.Operation}</td><td>{string.Join('×', layer.Output)}</td><td>{(layer.WeightBits == 0 ? "" : layer.WeightBits)}</td>");
            page.Append($"<td>{Bar(layer.WeightBytes, heaviest)}</td><td>{Bar(layer.MultiplyAccumulates, most)}</td></tr>\n");
        }

        page.Append("</table></div>\n");
    }

    private static string Bar(long value, double largest) => value == 0 ? "" : Text($"{value:N0}<i style=\"width:{100 * value / largest:0.#}%\"></i>");

    private static string Data(ReadOnlyMemory<byte> png) => "data:image/png;base64," + Convert.ToBase64String(png.Span);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
