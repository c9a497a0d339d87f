namespace Specializer.Calibration;

/// <summary>Decides which corrections are enabled, by what they do to free-running held-out trajectories (docs/method.md, "Corrections"), and on what evidence.</summary>
/// <param name="steps">The steps as allocated, with the gain of an error for a plan.</param>
/// <param name="draw">Free-running images under a plan.</param>
/// <param name="heldOut">Compares images; asked for only when there is something to compare.</param>
/// <param name="variance">Measures the variance of steps under a plan.</param>
/// <param name="findings">Receives the evidence.</param>
internal sealed class Evidence(
    Func<CorrectionPlan, IReadOnlyList<StepDecision>> steps, Func<CorrectionPlan, float[]> draw, Func<HeldOutImages> heldOut, Func<CorrectionPlan, StepVariance> variance, ICollection<Finding> findings)
{
    private readonly Dictionary<CorrectionPlan, float[]> _drawn = [];

    /// <summary>Most plans that a choice draws.</summary>
    /// <param name="options">Of the calibration.</param>
    /// <param name="noise">Whether there is variance to correct.</param>
    public static int Draws(CalibrationOptions options, bool noise)
    {
        bool variance = noise && options.VarianceCorrection == VarianceCorrectionChoice.Auto;
        return options.MeanCorrection == MeanCorrectionChoice.Auto ? 1 + Candidates.Length + (variance ? 1 : 0) : variance ? 2 : 0;
    }

    /// <summary>Chooses.</summary>
    public CorrectionPlan Choose(CalibrationOptions options)
    {
        CorrectionPlan mean = ChooseMean(options);
        return mean with { Variance = ChooseVariance(mean, options) };
    }

    private CorrectionPlan ChooseMean(CalibrationOptions options)
    {
        CorrectionPlan off = Plan(MeanCorrectionKind.Off);
        switch (options.MeanCorrection)
        {
            case MeanCorrectionChoice.Off: return off;
            case MeanCorrectionChoice.Divide: return Plan(MeanCorrectionKind.Divide);
            case MeanCorrectionChoice.Mmse: return Plan(MeanCorrectionKind.Mmse);
        }

        double[] without = heldOut().ErrorsDb(Draw(off));
        int[] choosing = HeldOutImages.Choosing(options), confirming = HeldOutImages.Confirming(options);
        CorrectionPlan best = off;
        double least = 0;
        double[] errors = without;
        foreach (CorrectionPlan candidate in Candidates)
        {
            double[] with = heldOut().ErrorsDb(Draw(candidate));
            Interval change = HeldOutImages.Change(with, without, choosing, options.Seed);
            findings.Add(new MeanCorrectionTried(candidate.Mean, candidate.ClampK, change, choosing.Length));
            if (change.Value < least) (best, least, errors) = (candidate, change.Value, with);
        }

        Interval? confirmed = best == off ? null : HeldOutImages.Change(errors, without, confirming, options.Seed);
        bool applied = confirmed is { High: < 0 };
        findings.Add(new MeanCorrectionDecided(best.Mean, best.ClampK, confirmed, confirming.Length, applied));
        return applied ? best : off;
    }

    private bool ChooseVariance(CorrectionPlan mean, CalibrationOptions options)
    {
        if (options.VarianceCorrection == VarianceCorrectionChoice.Off) return false;
        if (!steps(mean).Any(s => s.Evaluation.InjectsNoise))
        {
            findings.Add(new NoVarianceToCorrect());
            return false;
        }

        double unabsorbed = 0, absorbed = 0, missing = 0;
        CorrectionPlan both = mean with { Variance = true };
        foreach (VarianceCorrection step in steps(both).Select(s => s.Variance(both))) (absorbed, missing, unabsorbed) = (absorbed + Math.Max(step.Absorbed, 0), missing - Math.Min(step.Absorbed, 0), unabsorbed + step.Unabsorbed);

        findings.Add(new VarianceAdded(absorbed, unabsorbed, missing));
        if (options.VarianceCorrection == VarianceCorrectionChoice.On) return true;
        Interval steady = variance(both).Change(options.Seed);
        var (with, without, change) = heldOut().Frechet(Draw(both), Draw(mean));
        bool applied = steady.High < 0 && change.High < 0;
        findings.Add(new VarianceCorrectionDecided(steady, change, with, without, HeldOutImages.Count(options), applied));
        return applied;
    }

    private float[] Draw(CorrectionPlan plan)
    {
        if (!_drawn.TryGetValue(plan, out float[]? images)) _drawn.Add(plan, images = draw(plan));
        return images;
    }

    private static CorrectionPlan[] Candidates { get; } =
        [Plan(MeanCorrectionKind.Divide), Plan(MeanCorrectionKind.Divide) with { ClampK = false }, Plan(MeanCorrectionKind.Mmse)];

    private static CorrectionPlan Plan(MeanCorrectionKind mean) => new(mean, ClampK: true, Variance: false);
}
