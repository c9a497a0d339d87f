namespace Specializer.Calibration.Tests;

/// <summary>A report with every kind of row and figure, made up.</summary>
internal static class SyntheticReport
{
    public const int Steps = 20;

    public static EvaluationReport Create(bool classifier = true) => new()
    {
        Model = "mnist <test>", Scheduler = "ddim", Eta = 1, Guidance = 1, Timesteps = [.. Enumerable.Range(0, Steps).Select(i => 950f - 50 * i)], Images = 512, FirstImage = 0, Seed = 7,
        Trajectories = 64, Device = "CPU, 2 threads", CountingRule = NetworkCost.Rule, Corrections = new(MeanCorrectionKind.Off, true, true, 19, 19, "budget", 5, Steps),
        Rows =
        [
            new() { Name = "FP32", Bits = "FP32", BitOperationsSaved = 1, Bytes = 4456836, MsPerImage = 61.5, Speedup = 1, Digits = classifier ? new(0.991, 4.1, 1.02) : null },
            Row("W8A8 nearest", "W8A8", 30, null),
            Row("W8A8 + per-step ranges", "W8A8", 36, new("per-step ranges", "W8A8 nearest", Criterion.PairedSnr, new(6, 5.5, 6.5), new(4, 2, 6), Outcome.Improves)),
            Row("W4A8 nearest", "W4A8", 16, null),
            Row("W4A8 + bias", "W4A8", 20, new("bias", "W4A8 nearest", Criterion.Bias, new(-0.001, -0.002, 0.0005), new(0.1, -0.1, 0.3), Outcome.WithinInterval)),
            Row("W4A8 + k", "W4A8", 20, new("k", "W4A8 nearest", Criterion.Correlation, default, default, Outcome.Identical)),
            Row("MP preset", "MP", 19, new("preset", "W4A8 + k", Criterion.PairedSnr, new(-0.4, -0.5, -0.3), new(-0.1, -0.3, 0.2), Outcome.Worsens)),
            Row("artefact", "MP", 19.5, null),
        ],
        Statistics = [.. ((string[])["W8A8", "W4A8", "W4A4"]).Select((bits, i) => new WidthFigures(bits, 1024, 256, Intervals(36 - 6 * i), Intervals(-0.01 * i), Values(0.2), Values(1.5), Values(0.02), Intervals(20 - i)))],
        Pictures = [new(7, 31.2, Picture(255), Picture(128)), new(3, double.PositiveInfinity, Picture(64), Picture(64))],
        Layers = [new("conv_in", "convolution", [28, 28, 32], 320, 8, 416, 225_792), new("mid <block>", "groupNorm", [7, 7, 64], 128, 32, 512, 0)],
        Decisions =
        [
            new("mean correction mmse", false, "W4A8 + k", 64, new("mean correction mmse", "W4A8 nearest", Criterion.SquaredError, new(-0.4, -0.6, -0.2), new(0.4, 0.2, 0.6), Outcome.Improves)),
            new("variance correction", true, "artefact", 64, new("variance correction", "artefact, σ", Criterion.CoarseFrechet, new(-0.001, -0.002, 0.001), default, Outcome.WithinInterval)),
            new("bits by measured costs instead of the preset's", true, "MP budget", 64, new("bits", "MP preset", Criterion.SquaredError, new(-0.2, -0.3, -0.1), default, Outcome.Improves)),
        ],
        Floors = classifier ? new(0.989, 3.2, 0.98) : null,
    };

    private static byte[] Picture(byte gray) => Formats.PngWriter.Encode([gray], 1, 1, 1);

    private static double[] Values(double value) => [.. Enumerable.Range(0, Steps).Select(t => value / (t + 1))];

    private static Interval[] Intervals(double value) => [.. Values(value).Select(v => new Interval(v, v - 0.1, v + 0.1))];

    private static ReportRow Row(string name, string bits, double snr, Verdict? verdict) => new()
    {
        Name = name, Bits = bits, SnrDb = new(snr - 3, snr - 4.5, snr - 1.8), MedianSnrDb = new(snr, snr - 0.4, snr + 0.5), PsnrDb = new(snr + 4, snr + 3, snr + 5.5),
        DriftDb = [.. Enumerable.Range(0, Steps).Select(t => t == 0 ? double.PositiveInfinity : snr + 20 * Math.Exp(-t / 6.0))],
        BitOperationsSaved = bits == "W8A8" ? 12.5 : 19.9, Bytes = 712344, MsPerImage = 20, Speedup = 3.1, Digits = new(0.98, 4.4, 1.3), Verdict = verdict,
        Steps = [.. Enumerable.Range(0, Steps).Select(t => new StepFigures(bits == "MP" && t < 5 ? 4 : 8, snr + 10 - t / 2.0, -0.002 * t, t / 30.0, 0.9 - t * 0.04, 0.89 - t * 0.041))],
    };
}
