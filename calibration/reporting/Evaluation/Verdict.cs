using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>What a change is meant to improve.</summary>
public enum Criterion
{
    /// <summary>Median over images of the paired SNR's change, dB: for roundings, ranges and bit allocations.</summary>
    PairedSnr,
    /// <summary>|slope − 1| of the final images over FP32's: for k, which takes out noise that follows the signal.</summary>
    Correlation,
    /// <summary>Root mean square over channels of the mean difference to FP32: for the bias.</summary>
    Bias,
    /// <summary>|variance ratio − 1| of the final images to FP32's: for σ'.</summary>
    Variance,
    /// <summary>Mean over images of the squared error to FP32, in dB: what a calibration decides by where paired figures are fair.</summary>
    SquaredError,
    /// <summary>Fréchet distance of coarse pixels to FP32's: what a calibration decides by where they are not, as for σ'.</summary>
    CoarseFrechet,
}

/// <summary>Which way a criterion moved, beyond its 95 % interval or not.</summary>
public enum Outcome
{
    /// <summary>Every image is equal: nothing was changed.</summary>
    Identical,
    /// <summary>The interval lies on the better side.</summary>
    Improves,
    /// <summary>The interval holds 0.</summary>
    WithinInterval,
    /// <summary>The interval lies on the worse side.</summary>
    Worsens,
}

/// <summary>A row against the one that lacks what it adds: same noise, same labels, bootstrap of the difference over images.</summary>
/// <param name="Change">What the row adds.</param>
/// <param name="Against">Name of the row it is compared with.</param>
/// <param name="Criterion">What the change is meant to improve.</param>
/// <param name="Difference">Of the criterion, this row minus the other.</param>
/// <param name="SnrDifference">Of the paired SNR over all images together, dB, whatever the criterion.</param>
/// <param name="Outcome">Which way the criterion moved.</param>
public sealed record Verdict(string Change, string Against, Criterion Criterion, Interval Difference, Interval SnrDifference, Outcome Outcome)
{
    /// <summary>Compares two rows of the same images.</summary>
    internal static Verdict Of(string change, string against, Criterion criterion, ImageMoments before, ImageMoments after)
    {
        if (before.Equals(after)) return new(change, against, criterion, default, default, Outcome.Identical);
        PairedImages a = before.Paired, b = after.Paired;
        Interval difference = criterion == Criterion.PairedSnr
            ? Bootstrap.Estimate(after.Count, images => Bootstrap.Median(images.Select(i => Gain(b.SnrDb(i), a.SnrDb(i)))))
            : Bootstrap.Estimate(after.Count, images => after.Distance(criterion, images) - before.Distance(criterion, images));
        Interval snr = Bootstrap.Estimate(after.Count, images => Gain(after.SnrDb(images), before.SnrDb(images)));
        var (low, high) = criterion == Criterion.PairedSnr ? (difference.Low, difference.High) : (-difference.High, -difference.Low);
        return new(change, against, criterion, difference, snr, low > 0 ? Outcome.Improves : high < 0 ? Outcome.Worsens : Outcome.WithinInterval);
    }

    // Two images without error are equally good; ∞ − ∞ is no number.
    private static double Gain(double after, double before) => after == before ? 0 : after - before;
}
