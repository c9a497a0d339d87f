namespace Specializer.Calibration;

// What reads the state, at 8 bits or in floating point.
internal sealed partial class CalibrationRun
{
    private bool IsFirstConvolutionAsked => Confirm && Context.Options.FirstConvolution == FirstConvolutionChoice.Auto;

    private void ChooseFirstConvolution()
    {
        string[] first = [.. QuantizedNetwork.Entering(Context.Model.Network).Except(_floating)];
        if (first.Length == 0) return;
        string[] with = [.. _floating, .. first];
        Interval change = HeldOutChange("first convolution", run => run.Uncorrected(with, ClippedWeight), run => run.Uncorrected(_floating, ClippedWeight));
        var decided = new FirstConvolutionDecided(first, Saved(with), Saved(_floating), change, HeldOutImages.Count(Context.Options), change.High < 0);
        _decided.Add(decided);
        if (!decided.Kept) return;
        foreach (CalibrationRun run in (CalibrationRun[])[this, .. _sharing]) run.Leave(first);

        double Saved(string[] floating) => NetworkCost.BitOperationsSaved(NetworkOf(Context.Options.WeightBits, floating).Network, FirstBits);
    }
}
