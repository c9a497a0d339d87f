using System.Globalization;

namespace Specializer.Calibration;

/// <summary>Decides which corrections are enabled, by what they do to free-running held-out trajectories (docs/method.md, "Corrections"), and says why.</summary>
/// <param name="steps">The steps as allocated, with the gain of an error for a plan.</param>
/// <param name="draw">Free-running images under a plan.</param>
/// <param name="heldOut">Compares images; asked for only when there is something to compare.</param>
/// <param name="variance">Measures the variance of steps under a plan.</param>
/// <param name="notes">Receives the reasons.</param>
internal sealed class Evidence(
    Func<CorrectionPlan, IReadOnlyList<StepDecision>> steps, Func<CorrectionPlan, float[]> draw, Func<HeldOutImages> heldOut, Func<CorrectionPlan, StepVariance> variance, ICollection<string> notes)
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
        CorrectionPlan chosen = off;
        double least = 0;
        foreach (CorrectionPlan candidate in Candidates)
        {
            double[] with = heldOut().ErrorsDb(Draw(candidate));
            Interval change = Bootstrap.Estimate(with.Length, i => i.Average(n => with[n] - without[n]), options.Seed);
            notes.Add(Text($"mean correction {Name(candidate)}: the final images' squared error changes by {change.Value:+0.00;-0.00} dB [{change.Low:+0.00;-0.00}, {change.High:+0.00;-0.00}] on {with.Length} held-out trajectories"));
            if (change.High < 0 && change.Value < least) (chosen, least) = (candidate, change.Value);
        }

        notes.Add(chosen == off ? "no mean correction lowers the error beyond its interval: none is applied" : $"mean correction chosen: {Name(chosen)}");
        return chosen;
    }

    private bool ChooseVariance(CorrectionPlan mean, CalibrationOptions options)
    {
        if (options.VarianceCorrection == VarianceCorrectionChoice.Off) return false;
        if (steps(mean).All(s => s.Solver.Sigma == 0))
        {
            notes.Add("the sampler injects no noise, so there is no variance to calibrate");
            return false;
        }

        double unabsorbed = 0, absorbed = 0, missing = 0;
        CorrectionPlan both = mean with { Variance = true };
        foreach (VarianceCorrection step in steps(both).Select(s => s.Variance(both))) (absorbed, missing, unabsorbed) = (absorbed + Math.Max(step.Absorbed, 0), missing - Math.Min(step.Absorbed, 0), unabsorbed + step.Unabsorbed);

        notes.Add(Text($"variance of the next state, summed over steps: quantization adds {absorbed:E2} that the sampler's own noise makes room for and {unabsorbed:E2} that it cannot, and takes away {missing:E2}"));
        if (options.VarianceCorrection == VarianceCorrectionChoice.On) return true;
        Interval change = variance(both).Change(options.Seed);
        notes.Add(Text($"variance correction: |variance of the next state/FP32's − 1|, mean over steps, changes by {change.Value:+0.0E+0;-0.0E+0} [{change.Low:+0.0E+0;-0.0E+0}, {change.High:+0.0E+0;-0.0E+0}] on held-out FP32 states"));
        double with = heldOut().Frechet(Draw(both)), without = heldOut().Frechet(Draw(mean));
        bool applied = change.High < 0 && with < without;
        notes.Add(Text($"variance correction: Fréchet distance of coarse pixels to FP32 {with:G4} with it, {without:G4} without; it is {(applied ? "applied, for both are lower" : "not applied, for that takes both to be lower")}"));
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

    private static string Name(CorrectionPlan plan) => plan.Mean switch
    {
        MeanCorrectionKind.Divide => plan.ClampK ? "divide, k clamped at 0" : "divide, k with its sign",
        MeanCorrectionKind.Mmse => "mmse",
        _ => "off",
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
