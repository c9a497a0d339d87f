namespace Specializer.Reporting;

/// <summary>Which figures of a report are drawn, and how.</summary>
internal static class ReportCharts
{
    /// <summary>All charts, in the order of the page.</summary>
    public static IEnumerable<string> All(EvaluationReport report)
    {
        ReportRow[] compared = [.. report.Rows.Where(r => r.SnrDb is not null)];
        yield return Chart.Intervals("SNR to FP32 at equal seed, dB", "With 95 % intervals over images. A few images that turn into something else decide the pooled figure.",
            ["median over images", "all images together"], [.. compared.Select(r => new ChartIntervals(r.Name, [r.MedianSnrDb!.Value, r.SnrDb!.Value]))]);

        ReportRow[] curve = [.. report.Rows.Where(r => r.Trajectories is not null)];
        int[] counts = [.. curve.Select(r => r.Trajectories!.Value).Distinct()];
        if (counts.Length > 1)
        {
            yield return Chart.Lines("SNR to FP32 by the number of trajectories, dB", "Each number is a calibration of its own, without corrections; between two of them luck alone makes half a dB.", counts,
                [.. curve.GroupBy(r => r.Bits).SelectMany(g => (ChartSeries[])[new($"{g.Key}, median over images", [.. g.Select(r => r.MedianSnrDb!.Value.Value)]), new($"{g.Key}, all images together", [.. g.Select(r => r.SnrDb!.Value.Value)], Dashed: true)])], axis: "trajectories");
        }

        ReportRow[] complete = LastOfEachWidth(report);
        ReportRow artefact = report.Rows[^1];
        yield return Lines("Drift: SNR of the state after each step, dB", "Free-running: every sampler goes its own way from the same noise.",
            [.. FirstOfEachWidth(report).Except(complete).Concat(complete).Select(r => new ChartSeries(r.Name, r.DriftDb, r == artefact && report.Rows.Count > 2))]);
        if (artefact.Steps.Count == 0) yield break;
        yield return Lines("SNR of one prediction, dB", "Teacher-forced: quantized and FP32 network on the same state.", Each(complete, s => s.SnrDb));
        yield return Lines("k", "How much of the signal the quantization noise carries, as fitted; negative: the prediction shrinks.", Each(complete, s => s.K));
        yield return Lines("R²", "Share of the quantization noise that k explains.", Each(complete, s => s.RSquared));
        // What is off has no curve: neither noise of a sampler that injects none, nor a σ' that is σ, nor bits that are the same at all steps.
        ReportRow[] absorbing = [.. complete.Where(r => r.Steps.Any(s => s.CalibratedSigma != s.Sigma))], changing = [.. report.Rows.Where(r => r.Steps.DistinctBy(s => s.Bits).Count() > 1)];
        if (artefact.Steps.Any(s => s.Sigma > 0))
        {
            yield return Lines(absorbing.Length > 0 ? "σ and σ'" : "σ", $"The sampler's own noise{(absorbing.Length > 0 ? ", and what is injected after the quantization noise was taken out" : "")}.",
                [new("σ", [.. artefact.Steps.Select(s => s.Sigma)], Dashed: absorbing.Length > 0), .. Each(absorbing, s => s.CalibratedSigma, "σ', ")]);
        }

        if (absorbing.Length > 0)
        {
            yield return Lines("Absorbed share of the sampler's variance", "1 − σ'²/σ²: what the quantization noise takes the place of.",
                Each(absorbing, s => s.Sigma == 0 ? double.NaN : 1 - s.CalibratedSigma * s.CalibratedSigma / (s.Sigma * s.Sigma)));
        }

        if (complete.Any(r => r.Steps.Any(s => s.RemovedVariance != 0)))
            yield return Lines("c", "What is taken off the variance that the network says of each element of the noise, down to 0; negative: what is added.", Each(complete, s => s.RemovedVariance));
        if (changing.Length > 0) yield return Lines("Activation bits", "Of what 4-bit weights meet.", Each(changing, s => s.Bits), stairs: true);

        if (report.Statistics.Count == 0) yield break;
        yield return Lines("Calibration: SNR of one prediction, dB", "Teacher-forced, on the calibration's trajectories, without corrections.", Widths(w => w.SnrDb.Select(i => i.Value)));
        yield return Lines("Calibration: SNR of the state, dB", "Free-running: every width goes its own way from the same noise, without corrections.", Widths(w => w.FreeRunningSnrDb.Select(i => i.Value)));
        yield return Lines("Calibration: excess kurtosis of the residual", "0 for a normal distribution.", Widths(w => w.ExcessKurtosis));

        ChartSeries[] Widths(Func<WidthFigures, IEnumerable<double>> figure) => [.. report.Statistics.Select(w => new ChartSeries(w.Bits, [.. figure(w)]))];

        // The artefact often lies on the row that it repeats: gaps let that one be seen.
        ChartSeries[] Each(IReadOnlyList<ReportRow> rows, Func<StepFigures, double> figure, string prefix = "") =>
            [.. rows.Select(r => new ChartSeries(prefix + r.Name, [.. r.Steps.Select(figure)], r == artefact && rows.Count > 1))];

        string Lines(string title, string explanation, IReadOnlyList<ChartSeries> series, bool stairs = false) =>
            Chart.Lines(title, explanation, [.. report.Timesteps.Select(t => (int)MathF.Round(t))], series, stairs);
    }

    // The last row of a width holds all that was added to it; the artefact stands for itself.
    private static ReportRow[] LastOfEachWidth(EvaluationReport report) =>
        [.. report.Rows.SkipLast(1).Where(r => r.Steps.Count > 0 && r.Trajectories is null).GroupBy(r => r.Bits).Select(g => g.Last()), report.Rows[^1]];

    private static ReportRow[] FirstOfEachWidth(EvaluationReport report) =>
        [.. report.Rows.SkipLast(1).Where(r => r.DriftDb.Count > 0 && r.Trajectories is null).GroupBy(r => r.Bits).Select(g => g.First())];
}
