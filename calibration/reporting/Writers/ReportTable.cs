using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>The table's columns as text, for terminal and page alike.</summary>
internal static class ReportTable
{
    /// <summary>A column.</summary>
    /// <param name="Header">One line.</param>
    /// <param name="Note">Said once, where there is room for it.</param>
    /// <param name="Cell">Text of a row; empty where unknown.</param>
    internal sealed record Column(string Header, string Note, Func<ReportRow, string> Cell);

    /// <summary>The columns that the report has figures for.</summary>
    public static IReadOnlyList<Column> Columns(EvaluationReport report)
    {
        List<Column> columns =
        [
            new("Row", "", r => r.Name),
            new("Bits", "weights and activations; MP: the activations' bits change by step", r => r.Bits),
            new("SNR dB", "to FP32 at equal seed, all images together; in brackets 95 % intervals, bootstrap over images", r => Decibels(r.SnrDb)),
            new("median dB", "the same, median over images", r => Decibels(r.MedianSnrDb)),
            new("PSNR dB", "to FP32 at equal seed, all images together, peak 2", r => Decibels(r.PsnrDb)),
            new("BOPs saved", report.CountingRule, r => Text($"{r.BitOperationsSaved:0.00}×")),
            new("bytes", "weights as they ship", r => r.Bytes.ToString("N0", CultureInfo.InvariantCulture)),
            new("ms/image", $"median over batches, on {report.Device}; beside it FP32's time over this one's, measured in turn in the same run", Time),
        ];
        if (report.Floors is { } floors)
        {
            if (report.Rows.Any(r => r.Digits?.LabelAccuracy is not null))
                columns.Add(new("accuracy", Text($"share of images that the classifier reads as asked for; of real digits it reads {floors.RealAccuracy:0.0%}"),
                    r => r.Digits?.LabelAccuracy is { } a ? Text($"{a:0.0%}") : ""));
            // The classifier's features are not of unit size: beside its floor the bare distance says nothing.
            columns.Add(new("Fréchet", Text($"distance to real digits, in floors: 1 is real digits to other real digits in samples of this size, {floors.RealFrechet:G4} in the classifier's features"),
                r => r.Digits is { } d ? Text($"{d.Frechet / floors.RealFrechet:0.000}") : ""));
            columns.Add(new("to FP32", Text($"Fréchet distance to FP32 images of other seeds, in floors: 1 is FP32 itself, {floors.Float32Frechet:G4}"),
                r => r.Digits is { } d ? Text($"{d.FrechetToFloat32 / floors.Float32Frechet:0.000}") : ""));
        }

        return columns;
    }

    /// <summary>What was drawn.</summary>
    public static string Setting(EvaluationReport report) => Text(
        $"{report.Scheduler}, {report.Timesteps.Count} steps{(report.Eta is { } eta ? Text($", η = {eta:0.###}") : "")}{(report.Guidance == 1 ? "" : Text($", guidance {report.Guidance:0.###}"))}; {report.Images} images a row, {report.FirstImage} to {report.FirstImage + report.Images - 1} of seed {report.Seed}, the same noise and labels in every row{(report.Trajectories == 0 ? "" : Text($"; rows before the artefact calibrated on {report.Trajectories} trajectories"))}");

    /// <summary>A verdict in a sentence.</summary>
    public static string Sentence(Verdict v)
    {
        string what = v.Outcome switch
        {
            Outcome.Identical => "changes no image",
            Outcome.Improves => "improves its criterion",
            Outcome.Worsens => "worsens its criterion",
            _ => "makes no difference beyond the interval",
        };
        return v.Outcome == Outcome.Identical ? Text($"{v.Change}: {what}.")
            : Text($"{v.Change}: {what}; {Name(v.Criterion)} {Difference(v)}, SNR {SnrDifference(v)}.");
    }

    /// <summary>What the artefact ships with.</summary>
    public static string Corrections(EvaluationReport report) => $"The artefact: {CorrectionText.Sentence(report.Corrections)}.";

    /// <summary>Whether a decision is borne out, in a sentence.</summary>
    public static string Sentence(EvaluationReport report, DecisionCheck c)
    {
        string change = c.Verdict.Outcome == Outcome.Identical ? "it changes no image" : $"it changes the {Name(c.Verdict.Criterion)} by {Difference(c.Verdict)}";
        string end = c.Agrees switch
        {
            true => "this agrees",
            null => Text($"{report.Images} images neither confirm nor refute a difference of that size"),
            _ when c.Applied => Text($"this does not agree: what {c.HeldOut} images of one seed showed, {report.Images} of another do not"),
            _ => Text($"this does not agree: {report.Images} images of another seed show what {c.HeldOut} did not, or it comes with the row's own calibration on {report.Trajectories} trajectories"),
        };
        return Text($"{c.Decision}: {(c.Applied ? "applied" : "not applied")} by the calibration, on {c.HeldOut} held-out images; here {change}; {end}.");
    }

    /// <summary>The noise of a pair of widths in a sentence.</summary>
    public static string Sentence(WidthFigures width)
    {
        int worst = Enumerable.Range(0, width.SnrDb.Count).MinBy(step => width.SnrDb[step].Value);
        return Text($"{width.Bits}: one prediction {Bootstrap.Median(width.SnrDb.Select(i => i.Value)):0.0} dB in the median over steps, {IntervalText.Decibels(width.SnrDb[worst])} at the worst (k {IntervalText.Change(width.K[worst], "0.000", "")}); ")
            + Text($"free-running the last state {IntervalText.Decibels(width.FreeRunningSnrDb[^1])}; excess kurtosis of the residual {Bootstrap.Median(width.ExcessKurtosis):0.0} in the median, normal (Jarque-Bera, 1 %) at {width.Normality.Count(p => p > 0.01)} of {width.Normality.Count} steps.");
    }

    /// <summary>A criterion in words.</summary>
    public static string Name(Criterion criterion) => criterion switch
    {
        Criterion.Correlation => "|slope − 1| over FP32",
        Criterion.Bias => "mean difference to FP32",
        Criterion.Variance => "|variance ratio − 1| to FP32",
        Criterion.SquaredError => "squared error to FP32, dB, mean over images",
        Criterion.CoarseFrechet => "Fréchet distance of coarse pixels to FP32",
        _ => "median of the paired SNR",
    };

    /// <summary>The criterion's change with its interval.</summary>
    public static string Difference(Verdict v) => v.Criterion is Criterion.PairedSnr or Criterion.SquaredError ? IntervalText.Change(v.Difference, "0.00", " dB") : IntervalText.Change(v.Difference, "0.00000", "");

    /// <summary>The change of the SNR over all images, with its interval.</summary>
    public static string SnrDifference(Verdict v) => IntervalText.Change(v.SnrDifference, "0.00", " dB");

    private static string Decibels(Interval? interval) => interval is { } i ? IntervalText.Decibels(i) : "";

    private static string Time(ReportRow row) => row switch
    {
        { MsPerImage: { } ms, Speedup: { } ratio } => Text($"{ms:0.0} ({ratio:0.0}×)"),
        { MsPerImage: { } ms } => Text($"{ms:0.0}"),
        _ => "",
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
