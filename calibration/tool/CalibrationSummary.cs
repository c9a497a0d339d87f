using System.Globalization;
using System.Security;
using System.Text;
using Specializer.Calibration;
using Specializer.Reporting;

namespace Specializer.Tool;

/// <summary>What a calibration ends with: whether its pictures are good, what it weighs, how fast it is, and the line for the project file.</summary>
internal static class CalibrationSummary
{
    // Below it a step's moments are estimates of estimates; the documents' figures come from 1024.
    private const int FewTrajectories = 64;

    /// <summary>The verdict on an artefact whose pictures were drawn beside FP32's.</summary>
    /// <param name="report">FP32 first, the artefact last.</param>
    /// <param name="options">What was calibrated for.</param>
    public static IEnumerable<string> Verdict(EvaluationReport report, CalibrationOptions options)
    {
        CalibrationVerdict verdict = CalibrationVerdict.Of(report);
        ReportRow artefact = report.Rows[^1];
        yield return Text($"Verdict: {verdict.Word}. From the same noise, its pictures differ from the FP32 network's by {Math.Pow(10, -verdict.SnrDb / 20):P0} (SNR {verdict.SnrDb:F1} dB, PSNR {verdict.PsnrDb:F1} dB, {report.Images} pictures).");
        if (verdict.Word != "good") yield return $"  {(verdict.Word == "usable" ? "The subject stays, details change." : "They are other pictures.")} More bits bring them closer: {More(options)}.";
        if (options.Trajectories < FewTrajectories)
            yield return Text($"  Calibrated on {options.Trajectories} trajectories only: enough to try it out. {new CalibrationOptions().Trajectories}, which is the default, give steadier corrections.");
        yield return Text($"  size   {verdict.WeightBytes:N0} bytes of weights, {(double)verdict.Float32Bytes / verdict.WeightBytes:F1} times smaller than FP32");
        if (artefact is { MsPerImage: { } ms, Speedup: { } speedup })
            yield return Text($"  speed  about {ms:F0} ms a picture of {artefact.Steps.Count} steps on this machine, {speedup:F1} times FP32; the compiled sampler is somewhat faster");
    }

    /// <summary>The line for the project file.</summary>
    /// <param name="manifest">Path of <c>NAME.calibration.json</c>.</param>
    /// <param name="currentFolder">What the path is given relative to.</param>
    /// <param name="name">The model's name.</param>
    public static string ProjectLine(string manifest, string currentFolder, string name) =>
        $"<CalibrationManifest Include=\"{SecurityElement.Escape(Path.GetRelativePath(currentFolder, manifest).Replace('\\', '/'))}\" ClassName=\"{ClassName(name)}\" />";

    /// <summary>A class's name for a model's: its words, which '-' and '_' separate, with capitals.</summary>
    internal static string ClassName(string name)
    {
        var text = new StringBuilder(char.IsAsciiDigit(name[0]) ? "Model" : "");
        foreach (string word in name.Split(['-', '_'], StringSplitOptions.RemoveEmptyEntries)) text.Append(char.ToUpperInvariant(word[0])).Append(word.AsSpan(1));
        return text.Append("Sampler").ToString();
    }

    private static string More(CalibrationOptions options) =>
        options.WeightBits == 8 ? "these are the most that there are, so look at the notes above, or leave single convolutions in FP32 with --skip"
        : options.Activations == ActivationWidth.Eight ? "--weights 8" : "--activations 8, or --weights 8";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
