using System.Runtime.InteropServices;

namespace Specializer.Calibration;

// Choices about the network itself that held-out images make before layers are rounded in sequence, where all would depend on them: each for all solvers that share the weights.
internal sealed partial class CalibrationRun
{
    /// <summary>Work of those that are asked for.</summary>
    private double ChoicesWork => UncorrectedImages.Work(Context.Options, HeldOutImages.Count(Context.Options)) * ((IsFirstConvolutionAsked ? 1 : 0) + (IsClippingAsked ? 1 : 0));

    /// <summary>The activations' bits as far as they are known: what is measured says later where mixed ones go.</summary>
    private int[] FirstBits => Context.Options.Activations == ActivationWidth.Mixed
        ? BitAllocation.Preset(Context.Options.Evaluations, Context.Options.PresetShare) : [.. Enumerable.Repeat(Widths[0], Context.Options.Evaluations)];

    /// <summary>What a choice changes of the held-out images' squared error to FP32, dB, mean over images and solvers.</summary>
    /// <param name="phase">Name of the choice.</param>
    /// <param name="with">The network with it, for a solver's run.</param>
    /// <param name="without">And without.</param>
    private Interval HeldOutChange(string phase, Func<CalibrationRun, UncorrectedNetwork> with, Func<CalibrationRun, UncorrectedNetwork> without)
    {
        if (Context.Options.Rounding == RoundingChoice.Nearest) RoundNearest(Quantized.Network);
        CalibrationRun[] runs = [this, .. _sharing];
        return UncorrectedImages.Mean([.. runs.Select(run => run.HeldOutChanges(phase, with(run), without(run)))], Context.Options.Seed);
    }

    /// <summary>The network with layers that are rounded each by itself.</summary>
    /// <param name="floating">What is in floating point.</param>
    /// <param name="clippedWeight">How often ranges count the error of what they clip.</param>
    private UncorrectedNetwork Uncorrected(string[] floating, double clippedWeight)
    {
        QuantizedNetwork network = NetworkOf(Context.Options.WeightBits, floating);
        int[] bits = FirstBits;
        var ranges = bits.Distinct().ToDictionary(b => b, b => SearchRanges(network, Own(b), clippedWeight));
        var tensors = new QuantizedTensors(Context.Model, Context.TableTimesteps, network.Network, (_owner ?? this)._rounded!, Context.Options.Rounding != RoundingChoice.Nearest);
        return new(() => Evaluator(network.Network, tensors), [.. bits.Select((b, step) => new InterpretedStep { Quantizations = Quantizations(ranges[b][step]) })]);
    }

    private List<double> HeldOutChanges(string phase, UncorrectedNetwork with, UncorrectedNetwork without)
    {
        using var images = new UncorrectedImages(Context, phase);
        return new UnitPhase<List<double>>(phase.Replace(' ', '-'), UncorrectedImages.Units(Context.Options), Context, Context.Ranges, _checkpoint)
        {
            Create = () => [],
            Begin = (_, done) => Context.Resume(phase, UncorrectedImages.Work(Context.Options, UncorrectedImages.Before((int)done, Context.Options))),
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
    }
}
