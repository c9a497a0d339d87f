using Specializer.Reporting;

namespace Specializer.Tool;

/// <summary>What <c>calibrate --json</c> prints.</summary>
/// <param name="Written">False of a process that did its part alone.</param>
/// <param name="Manifests">One for each scheduler.</param>
/// <param name="Findings">In words.</param>
internal sealed record CalibrationOutcome(bool Written, IReadOnlyList<CalibratedManifest> Manifests, IReadOnlyList<string> Findings)
{
    /// <summary>Of a shard or worker.</summary>
    public static CalibrationOutcome Part { get; } = new(false, [], []);
}

/// <summary>A manifest that a calibration wrote.</summary>
/// <param name="Manifest">Its path.</param>
/// <param name="ProjectLine">The item for a project file in the current folder.</param>
/// <param name="Page">Path of the report; null where no pictures were drawn.</param>
/// <param name="Verdict">What its pictures are worth; null where none were drawn.</param>
internal sealed record CalibratedManifest(string Manifest, string ProjectLine, string? Page, CalibrationVerdict? Verdict);

/// <summary>What an artefact's pictures are worth beside FP32's.</summary>
/// <param name="Word"><c>good</c>, <c>usable</c> or <c>poor</c>.</param>
/// <param name="SnrDb">Signal to noise, dB, pooled over pictures.</param>
/// <param name="PsnrDb">Peak signal to noise, dB, pooled.</param>
/// <param name="Images">Pictures drawn.</param>
/// <param name="WeightBytes">Of the packed weights.</param>
/// <param name="Float32Bytes">Of FP32's.</param>
/// <param name="Speedup">Times as fast as FP32 on this machine; null where it was not measured.</param>
internal sealed record CalibrationVerdict(string Word, double SnrDb, double PsnrDb, int Images, long WeightBytes, long Float32Bytes, double? Speedup)
{
    // Of the final images to FP32's. At 20 dB they differ by a tenth, which takes a look from near; at 10 dB by a third, so that shapes change.
    private const double GoodDb = 20, UsableDb = 10;

    /// <summary>The verdict of an evaluation.</summary>
    /// <param name="report">FP32 first, the artefact last.</param>
    public static CalibrationVerdict Of(EvaluationReport report)
    {
        ReportRow float32 = report.Rows[0], artefact = report.Rows[^1];
        double snr = artefact.SnrDb!.Value.Value;
        return new(snr >= GoodDb ? "good" : snr >= UsableDb ? "usable" : "poor", snr, artefact.PsnrDb!.Value.Value, report.Images, artefact.Bytes, float32.Bytes, artefact.Speedup);
    }
}
