namespace Specializer.Calibration;

// Ranges of least squared error, or those that clip less.
internal sealed partial class CalibrationRun
{
    private const double PlainClipping = 1;

    /// <summary>Of weighted ranges.</summary>
    public const double WeightedClipping = 8;

    /// <summary>How often ranges count the squared error of what they clip, which lies on one side and adds up along a trajectory, beside that of rounding; after <see cref="QuantizeWeights"/> where images decide.</summary>
    public double ClippedWeight { get; private set; }

    private bool IsClippingAsked => Confirm && Context.Options.Clipping == ClippingChoice.Auto;

    /// <summary>Some variants with ranges that clip less: integers stay, and the figures of the noise are those without that.</summary>
    public CalibrationRun ClippingLess(IReadOnlyList<QuantizationVariant> variants)
    {
        CalibrationRun run = Leaving([], variants);
        run.ClippedWeight = WeightedClipping;
        return run;
    }

    /// <summary>With what is in floating point by then.</summary>
    private void ChooseClipping()
    {
        Interval change = HeldOutChange("clipping", run => run.Uncorrected(_floating, WeightedClipping), run => run.Uncorrected(_floating, PlainClipping));
        var decided = new ClippingDecided(change, HeldOutImages.Count(Context.Options), change.High < 0);
        _decided.Add(decided);
        if (!decided.Kept) return;
        foreach (CalibrationRun run in (CalibrationRun[])[this, .. _sharing]) run.ClippedWeight = WeightedClipping;
    }
}
