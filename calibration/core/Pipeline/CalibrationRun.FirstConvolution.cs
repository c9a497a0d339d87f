using System.Runtime.InteropServices;

namespace Specializer.Calibration;

// What reads the state, at 8 bits or in floating point.
internal sealed partial class CalibrationRun
{
    private const string FirstConvolutionPhase = "first convolution";

    /// <summary>Work of that choice.</summary>
    private double FirstConvolutionWork => IsFirstConvolutionAsked ? UncorrectedImages.Work(Context.Options, HeldOutImages.Count(Context.Options)) : 0;

    private bool IsFirstConvolutionAsked => Confirm && Context.Options.FirstConvolution == FirstConvolutionChoice.Auto;

    /// <summary>The activations' bits as far as they are known: what is measured says later where mixed ones go.</summary>
    private int[] FirstBits => Context.Options.Activations == ActivationWidth.Mixed
        ? BitAllocation.Preset(Context.Options.Evaluations, Context.Options.PresetShare) : [.. Enumerable.Repeat(Widths[0], Context.Options.Evaluations)];

    /// <summary>One choice for all solvers that share the weights. All layers behind depend on it where they are rounded in sequence, so it is made for layers that are rounded each by itself.</summary>
    private void ChooseFirstConvolution()
    {
        string[] first = [.. QuantizedNetwork.Entering(Context.Model.Network).Except(_floating)];
        if (first.Length == 0) return;
        if (Context.Options.Rounding == RoundingChoice.Nearest) RoundNearest(Quantized.Network);
        CalibrationRun[] runs = [this, .. _sharing];
        List<double>[] changes = [.. runs.Select(run => run.FirstConvolutionChanges(first, this))];
        Interval change = UncorrectedImages.Mean(changes, Context.Options.Seed);
        var decided = new FirstConvolutionDecided(first, Saved([.. _floating, .. first]), Saved(_floating), change, changes[0].Count, change.High < 0);
        _decided.Add(decided);
        if (!decided.Kept) return;
        foreach (CalibrationRun run in runs) run.Leave(first);

        double Saved(string[] floating) => NetworkCost.BitOperationsSaved(NetworkOf(Context.Options.WeightBits, floating).Network, FirstBits);
    }

    /// <summary>What floating point changes of each held-out image's squared error to FP32, dB.</summary>
    /// <param name="first">What would be left in floating point.</param>
    /// <param name="owner">Has the weights, rounded.</param>
    private List<double> FirstConvolutionChanges(string[] first, CalibrationRun owner)
    {
        using var images = new UncorrectedImages(Context, FirstConvolutionPhase);
        UncorrectedNetwork with = Uncorrected([.. owner._floating, .. first]), without = Uncorrected(owner._floating);
        return new UnitPhase<List<double>>("first-convolution", UncorrectedImages.Units(Context.Options), Context, Context.Ranges, _checkpoint)
        {
            Create = () => [],
            Begin = (_, done) => Context.Resume(FirstConvolutionPhase, UncorrectedImages.Work(Context.Options, UncorrectedImages.Before((int)done, Context.Options))),
            Collect = (changes, unit, _, keep) =>
            {
                changes.AddRange(images.ChangesDb(unit, with, without));
                keep(1);
            },
            Write = (changes, writer) => writer.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(changes))),
            Read = (changes, reader, range, _) =>
            {
                CollectionsMarshal.SetCount(changes, UncorrectedImages.Before(range.End, Context.Options) - UncorrectedImages.Before(range.First, Context.Options));
                reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(changes)));
                if (!changes.TrueForAll(double.IsFinite)) throw new InvalidDataException("a change is not finite");
            },
            Merge = (changes, following) => changes.AddRange(following),
        }.Run();

        UncorrectedNetwork Uncorrected(string[] floating)
        {
            QuantizedNetwork network = NetworkOf(Context.Options.WeightBits, floating);
            int[] bits = FirstBits;
            var ranges = bits.Distinct().ToDictionary(b => b, b => SearchRanges(network, Own(b)));
            var tensors = new QuantizedTensors(Context.Model, Context.TableTimesteps, network.Network, owner._rounded!, Context.Options.Rounding != RoundingChoice.Nearest);
            return new(() => Evaluator(network.Network, tensors), [.. bits.Select((b, step) => new InterpretedStep { Quantizations = Quantizations(ranges[b][step]) })]);
        }
    }
}
