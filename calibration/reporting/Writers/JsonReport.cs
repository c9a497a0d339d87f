using System.Globalization;
using System.Text.Json;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>A report for programs.</summary>
public static class JsonReport
{
    /// <summary>Writes the report as JSON: UTF-8, '\n', null where a figure is unknown or infinite.</summary>
    /// <param name="report">What to write.</param>
    /// <param name="to">Where to; stays open.</param>
    public static void Write(EvaluationReport report, Stream to)
    {
        ArgumentNullException.ThrowIfNull(report);
        using var json = new Utf8JsonWriter(to, new() { Indented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("model", report.Model);
        json.WriteString("scheduler", report.Scheduler);
        if (report.Eta is { } eta) Number(json, "eta", eta);
        Number(json, "guidance", report.Guidance);
        json.WriteNumber("images", report.Images);
        json.WriteNumber("firstImage", report.FirstImage);
        json.WriteNumber("seed", report.Seed);
        json.WriteNumber("trajectories", report.Trajectories);
        json.WriteString("device", report.Device);
        json.WriteString("countingRule", report.CountingRule);
        json.WriteString("corrections", CorrectionText.Sentence(report.Corrections));
        Numbers(json, "timesteps", report.Timesteps.Select(t => (double)t));
        if (report.Floors is { } floors)
        {
            Number(json, "realAccuracy", floors.RealAccuracy);
            Number(json, "frechetFloor", floors.RealFrechet);
            Number(json, "frechetToFp32Floor", floors.Float32Frechet);
        }

        json.WriteStartArray("rows");
        foreach (ReportRow row in report.Rows) Row(json, row, report.Floors);
        json.WriteEndArray();
        json.WriteStartArray("statistics");
        foreach (WidthFigures width in report.Statistics) Statistics(json, width);
        json.WriteEndArray();
        json.WriteStartArray("decisions");
        foreach (DecisionCheck check in report.Decisions) Decision(json, check);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Statistics(Utf8JsonWriter json, WidthFigures width)
    {
        json.WriteStartObject();
        json.WriteString("bits", width.Bits);
        json.WriteNumber("trajectories", width.Trajectories);
        json.WriteNumber("freeRunningTrajectories", width.FreeRunningTrajectories);
        Intervals("snrDb", width.SnrDb);
        Intervals("k", width.K);
        Numbers(json, "rSquared", width.RSquared);
        Numbers(json, "excessKurtosis", width.ExcessKurtosis);
        Numbers(json, "normality", width.Normality);
        Intervals("freeRunningSnrDb", width.FreeRunningSnrDb);
        json.WriteEndObject();

        void Intervals(string name, IReadOnlyList<Interval> steps)
        {
            Numbers(json, name, steps.Select(i => i.Value));
            Numbers(json, $"{name}Low", steps.Select(i => i.Low));
            Numbers(json, $"{name}High", steps.Select(i => i.High));
        }
    }

    private static void Row(Utf8JsonWriter json, ReportRow row, SamplingFloors? floors)
    {
        json.WriteStartObject();
        json.WriteString("name", row.Name);
        json.WriteString("bits", row.Bits);
        if (row.Trajectories is { } trajectories) json.WriteNumber("trajectories", trajectories);
        Interval(json, "snrDb", row.SnrDb);
        Interval(json, "medianSnrDb", row.MedianSnrDb);
        Interval(json, "psnrDb", row.PsnrDb);
        Number(json, "labelAccuracy", row.Digits?.LabelAccuracy);
        Number(json, "frechet", row.Digits?.Frechet);
        Number(json, "frechetFloor", row.Digits is null ? null : floors?.RealFrechet);
        Number(json, "frechetToFp32", row.Digits?.FrechetToFloat32);
        Number(json, "bitOperationsSaved", row.BitOperationsSaved);
        json.WriteNumber("bytes", row.Bytes);
        Number(json, "msPerImage", row.MsPerImage);
        Number(json, "speedup", row.Speedup);
        if (row.Verdict is { } verdict) Write(json, verdict);

        if (row.DriftDb.Count > 0) Numbers(json, "driftDb", row.DriftDb);
        if (row.Steps.Count > 0)
        {
            json.WriteStartObject("steps");
            Numbers(json, "bits", row.Steps.Select(s => (double)s.Bits));
            Numbers(json, "snrDb", row.Steps.Select(s => s.SnrDb));
            Numbers(json, "k", row.Steps.Select(s => s.K));
            Numbers(json, "rSquared", row.Steps.Select(s => s.RSquared));
            Numbers(json, "sigma", row.Steps.Select(s => s.Sigma));
            Numbers(json, "calibratedSigma", row.Steps.Select(s => s.CalibratedSigma));
            if (row.Steps.Any(s => s.RemovedVariance != 0)) Numbers(json, "removedVariance", row.Steps.Select(s => s.RemovedVariance));
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void Decision(Utf8JsonWriter json, DecisionCheck check)
    {
        json.WriteStartObject();
        json.WriteString("decision", check.Decision);
        json.WriteBoolean("applied", check.Applied);
        json.WriteString("row", check.Row);
        json.WriteNumber("heldOutImages", check.HeldOut);
        if (check.Agrees is { } agrees) json.WriteBoolean("agrees", agrees);
        else json.WriteNull("agrees");
        Write(json, check.Verdict);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Verdict verdict)
    {
        json.WriteStartObject("verdict");
        json.WriteString("change", verdict.Change);
        json.WriteString("against", verdict.Against);
        json.WriteString("criterion", ReportTable.Name(verdict.Criterion));
        json.WriteString("outcome", verdict.Outcome switch
        {
            Outcome.Identical => "identical",
            Outcome.Improves => "improves",
            Outcome.Worsens => "worsens",
            _ => "within interval",
        });
        Interval(json, "difference", verdict.Difference);
        Interval(json, "snrDifferenceDb", verdict.SnrDifference);
        json.WriteEndObject();
    }

    private static void Interval(Utf8JsonWriter json, string name, Interval? interval)
    {
        Number(json, name, interval?.Value);
        Number(json, $"{name}Low", interval?.Low);
        Number(json, $"{name}High", interval?.High);
    }

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(Token(value));
    }

    // One line for all steps: a line each would bury the rows.
    private static void Numbers(Utf8JsonWriter json, string name, IEnumerable<double> values)
    {
        json.WritePropertyName(name);
        json.WriteRawValue($"[{string.Join(", ", values.Select(v => Token(v)))}]");
    }

    // Seven digits say more than any figure here is worth.
    private static string Token(double? value) => value is { } v && double.IsFinite(v) ? v.ToString("G7", CultureInfo.InvariantCulture) : "null";
}
