using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>What a calibration found and decided, in words.</summary>
public static class FindingText
{
    /// <summary>A finding as a sentence without its full stop.</summary>
    /// <param name="finding">The finding.</param>
    public static string Sentence(Finding finding) => finding switch
    {
        TooFewTrajectories f => Text($"warning: {f.Trajectories} trajectories are too few to tell chance from effect, so no figure has an interval and nothing that needs evidence is enabled; ask for at least {f.Needed}, better {new CalibrationOptions().Trajectories}"),
        BudgetAllocated f => Text($"4-bit activations at {(f.FourBitSteps.Count == 0 ? "no step" : $"steps {string.Join(" ", f.FourBitSteps)}")}: where they are known to cost least, by the upper end of what each step alone adds to the final error of {f.Images} images"),
        BudgetAgainstPreset f => Text($"these steps, against as many first ones: {ErrorChange(f.ErrorChangeDb, f.Images)}; {(f.Applied ? "applied" : "no better beyond the interval, so the first steps have 4 bits")}"),
        MeanCorrectionTried f => Text($"mean correction {CorrectionText.Name(f.Mean, f.ClampK)}: {ErrorChange(f.ErrorChangeDb, f.Images)}"),
        MeanCorrectionDecided { Mean: MeanCorrectionKind.Off } => "no mean correction lowers the error: none is applied",
        MeanCorrectionDecided f => Text($"mean correction {CorrectionText.Name(f.Mean, f.ClampK)}, the best of them: {ErrorChange(f.ErrorChangeDb!.Value, f.Images)} that did not choose it; {(f.Applied ? "applied" : "not lower beyond the interval, so none is applied")}"),
        MeanLeftAlone f => Text($"step {f.Step}, timestep {f.Timestep}{(f.Guidance == 1 ? "" : Text($", guidance {f.Guidance}"))}: {Reason(f)}; the mean is left alone"),
        NoVarianceToCorrect => "the sampler injects no noise, so there is no variance to calibrate",
        VarianceAdded f => Text($"variance of the next state, summed over steps: quantization adds {f.Absorbed:E2} that the sampler's own noise makes room for and {f.Unabsorbed:E2} that it cannot, and takes away {f.Missing:E2}"),
        VarianceCorrectionDecided f => Text($"variance correction, on {f.Images} held-out trajectories: |variance of the next state/FP32's − 1|, mean over steps, changes by {IntervalText.Change(f.StepChange, "0.0E+0", "")}, and the Fréchet distance of coarse pixels to FP32, {f.FrechetWithout:G4} without it, by {IntervalText.Change(f.FrechetChange, "0.0E+0", "")}; {(f.Applied ? "applied, for both fall beyond their intervals" : "not applied, for that takes both to fall beyond their intervals")}"),
        VarianceNotAbsorbed f => $"quantization adds more variance than the sampler injects at timesteps {string.Join(" ", f.Timesteps.Select(t => Text($"{t}")))}: no noise is left there and the rest stays in the state",
        PredictionNoise f => Text($"one prediction, from FP32's state: signal to noise {f.LowestSnrDb:0.0} to {f.HighestSnrDb:0.0} dB, depending on the step; the part of the noise that follows the prediction has the factor k, from {f.LowestK:0.0000} to {f.HighestK:0.0000}, and is at most {f.HighestRSquared:P0} of it{(f.HighestK < 0 ? "; k is negative at every step, where the published correction, which takes max(k, 0), removes nothing but a bias" : "")}"),
        UnusualRange { Trouble: RangeTrouble.Constant } f => $"'{f.Map}' is constant at {f.Steps} of {f.AllSteps} steps; its quantization represents that one value",
        UnusualRange f => $"'{f.Map}' saturates in more than 5 % of its values at {f.Steps} of {f.AllSteps} steps: its distribution is unusual, and 8 bits or FP32 (--skip) may serve it better",
        ConstantChannels f => $"'{f.Map}': {f.Channels} of {f.AllChannels} channels never change on the first {ReferenceTrajectories.UnitImages} trajectories; what their weights lose by rounding is a constant there, and is taken out of the bias",
        LayersOfZeros f => $"all weights of {string.Join(", ", f.Layers)} are zero: integers hold that without any error, and it takes as much time as other weights",
        KeptInFloatingPoint f => Text($"'{f.Operation}' stays in floating point: one of its channels is so much larger than the others that 8 bits would leave {f.SnrDb:0.0} dB of signal to noise"),
        PredictionLost f => Text($"warning: at steps {string.Join(" ", f.Steps)} the quantized prediction has lost most of what FP32's says (k down to {f.LowestK:0.00}, where −1 leaves nothing); give activations 8 bits, or leave layers in FP32 (--skip)"),
        NeverSaturating f => $"{f.Maps} of {f.AllMaps} quantized maps never saturate: clipping any of their values would cost more than finer steps gain",
        ColumnsLimited f => Text($"{f.Layers} of {f.AllLayers} layers are so long that second-order rounding looks at {f.Fewest:N0} columns of their inputs and more, where it takes up to {ColumnSampler.MaximumColumns:N0} of the others'"),
        LayersRanked f => $"layers that harm one prediction most, at 4 bits alone, for their bit operations: {string.Join(", ", f.Worst.Select(h => Text($"{h.Layer} ({h.Error:0.0e-0})")))}",
        LayerCountsTried f => $"layers at 8 bits, with the steps of 4-bit activations that pay for them, and the error on {f.Images} held-out images: {string.Join(", ", f.Tried.Select(t => Text($"{t.Layers} ({t.FourBitSteps} steps) {t.ErrorDb:0.00} dB")))}",
        NoLayerAffordable => "no layer is kept at 8 bits: with 4-bit activations at every step it would still take more bit operations than allowed",
        LayersDecided f => Text($"{f.Layers.Count} layers at 8 bits ({string.Join(", ", f.Layers)}), 4-bit activations at {f.FourBitSteps} steps instead of {f.FourBitStepsWithout}, {f.BitOperationsSaved:0.##} against {f.BitOperationsSavedWithout:0.##} times fewer bit operations: {ErrorChange(f.ErrorChangeDb, f.Images)}; {(f.Kept ? "kept" : "not kept, for it is not better beyond the interval")}"),
        FirstConvolutionDecided f => Text($"the first convolution ({string.Join(", ", f.Convolutions)}) in floating point, {f.BitOperationsSaved:0.##} against {f.BitOperationsSavedWithout:0.##} times fewer bit operations: {ErrorChange(f.ErrorChangeDb, f.Images)}; {(f.Kept ? "kept" : "not kept, for it is not better beyond the interval")}"),
        ClippingDecided f => Text($"ranges that clip less, the error of what they clip counted {CalibrationRun.WeightedClipping} times: {ErrorChange(f.ErrorChangeDb, f.Images)}; {(f.Kept ? "kept" : "not kept, for it is not better beyond the interval")}"),
        RoundingDecided f => Text($"layers rounded in sequence, each for the inputs that it gets: {ErrorChange(f.ErrorChangeDb, f.Images)}; {(f.Kept ? "kept" : "not kept, for it is not better beyond the interval")}"),
        PartQuantized f => $"{f.Part}: {Choice(f)}; {Text($"{f.MultiplyAccumulates:N0} MACs, {f.BitOperationsSaved:0.0} times fewer bit operations, {f.WeightBytes:N0} bytes of weights")}{Halves(f)}",
        PromptsCut f => $"{f.Prompts.Count} prompts are longer than {f.Tokens} tokens, and the text encoder sees their beginning alone: {string.Join("; ", f.Prompts.Take(3))}{(f.Prompts.Count > 3 ? "; …" : "")}",
        WithScheduler f => $"{f.Scheduler}: {Sentence(f.Of)}",
        WithKeptLayers f => $"with these layers: {Sentence(f.Of)}",
        CheckpointSetAside f => $"{f.File} cannot be used, for {f.Reason}: that phase started anew",
        CheckpointNotDeleted f => $"'{f.Path}' is no longer needed but cannot be deleted: {f.Reason}",
        _ => throw new ArgumentOutOfRangeException(nameof(finding), finding, "This kind of finding has no words."),
    };

    private static string ErrorChange(Interval change, int images) => $"the final images' squared error changes by {IntervalText.Change(change, "0.00", " dB")} on {images} held-out trajectories";

    private static string Choice(PartQuantized f) =>
        f.Integers == f.Convolutions ? Text($"8-bit weights and activations in all {f.Convolutions} convolutions; the pictures are within {f.ReachedPsnrDb:0.0} dB of FP32's (at least {f.LeastPsnrDb} are asked for)")
        : f.Integers == 0 ? Text($"{(f.Rounded == 0 ? "FP32" : "no integers")}, for 8 bits would change the pictures ({f.AllPsnrDb:0.0} dB, at least {f.LeastPsnrDb} are asked for)")
        : Text($"8-bit weights and activations in {f.Integers} of {f.Convolutions} convolutions, {f.ReachedPsnrDb:0.0} dB; with all of them {f.AllPsnrDb:0.0} dB, and at least {f.LeastPsnrDb} are asked for");

    private static string Halves(PartQuantized f) => f.Halves == 0 ? ""
        : $", {f.Halves} of its tensors in FP16{(f.Rounded == 0 ? ", which has all their numbers" : f.Rounded == f.Halves ? ", rounded" : $", {f.Rounded} of them rounded")}";

    private static string Reason(MeanLeftAlone f) => f.Reason == MeanFallback.DivisorNearZero
        ? Text($"k is {f.K:0.###}, so dividing by 1 + k would multiply the noise by more than {1 / MeanCorrection.SmallestDivisor:0}")
        : "the quantized prediction is constant, so no conditional mean can be fitted";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
