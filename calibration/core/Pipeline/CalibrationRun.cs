namespace Specializer.Calibration;

/// <summary>One calibration's collecting phases, each of which uses what the earlier ones found. What was collected decides everything that follows.</summary>
internal sealed class CalibrationRun
{
    private readonly Checkpoint _checkpoint;
    private readonly int _units, _rangeUnits;
    private ActivationCollector? _activations;
    private NoiseCollector[] _noise = [];

    public CalibrationRun(CalibrationContext context, Checkpoint checkpoint)
    {
        (Context, _checkpoint) = (context, checkpoint);
        Quantized = QuantizedNetwork.Of(context.Model.Network, context.Options.WeightBits, context.Options.Skip);
        Widths = context.Options.Activations switch { ActivationWidth.Four => [4], ActivationWidth.Eight => [8], _ => [4, 8] };
        _units = Units(context.Options.Trajectories);
        _rangeUnits = Units(context.Options.RangeTrajectories);

        static int Units(int trajectories) => (trajectories + ReferenceTrajectories.UnitImages - 1) / ReferenceTrajectories.UnitImages;
    }

    /// <summary>What is calibrated, and for what.</summary>
    public CalibrationContext Context { get; }

    /// <summary>The network with integer convolutions.</summary>
    public QuantizedNetwork Quantized { get; }

    /// <summary>Activation widths that statistics are collected for.</summary>
    public int[] Widths { get; }

    /// <summary>The weights file's tensors, after <see cref="QuantizeWeights"/>.</summary>
    public QuantizedTensors Tensors { get; private set; } = null!;

    /// <summary>Per width, step and quantized map, what the histograms gave, or learning made of it; after <see cref="QuantizeWeights"/>.</summary>
    public ActivationRange[][][] Ranges { get; private set; } = [];

    /// <summary>Noise of a width, after <see cref="CollectNoise"/>.</summary>
    public NoiseCollector Noise(int width) => _noise[width];

    /// <summary>Work of the phases here, in evaluations of a unit's trajectories.</summary>
    public double Work => _rangeUnits + _units * (1.0 + Widths.Length) + ReconstructionPhase.Work(Context.Options);

    /// <summary>Ranges and input moments along FP32 trajectories.</summary>
    public void CollectActivations()
    {
        using ReferenceTrajectories reference = Context.Reference();
        var activations = _activations = new ActivationCollector(reference.Network, Quantized, Context.Options, Context.Threads);
        int first = _checkpoint.Load("activations", activations.Read);
        Context.Report("FP32 activations", first);
        for (int unit = first; unit < _rangeUnits; unit++)
        {
            foreach (TrajectoryState _ in reference.Run(unit, activations.Observe, Context.Cancellation)) Context.Report("FP32 activations", 1.0 / Context.Options.Steps);
            _checkpoint.Save("activations", unit + 1, activations.Write);
        }
    }

    /// <summary>Integers for the weights, ranges for the activations.</summary>
    public void QuantizeWeights()
    {
        Tensors = new(Context.Model, Context.Timesteps, Quantized.Network, _activations!.Moments, Context.Threads, Context.Cancellation);
        Ranges = [.. Widths.Select(SearchRanges)];
        if (Context.Options.Rounding == RoundingChoice.Reconstruct) new ReconstructionPhase(Context, Quantized, Widths, _checkpoint).Run(Tensors, Ranges);
    }

    /// <summary>Noise of each width, teacher-forced, on the kernels that will run.</summary>
    public void CollectNoise()
    {
        var quantizations = Ranges.Select(width => width.Select(Quantizations).ToArray()).ToArray();
        NoiseCollector[] noise = _noise = [.. quantizations.Select((q, width) => new NoiseCollector(Widths[width], q, Context.Model.Channels, Context.Options))];
        using ReferenceTrajectories reference = Context.Reference();
        using NetworkEvaluator quantized = Evaluator();
        int first = _checkpoint.Load("noise", reader => Array.ForEach(noise, n => n.Read(reader)));
        Context.Report("quantization noise", first * (1.0 + Widths.Length));
        for (int unit = first; unit < _units; unit++)
        {
            foreach (TrajectoryState state in reference.Run(unit, cancellation: Context.Cancellation))
            {
                foreach (NoiseCollector collector in noise) collector.Add(state, quantized, Context.Model.NullLabel, Context.Cancellation);
                Context.Report("quantization noise", (1.0 + Widths.Length) / Context.Options.Steps);
            }

            _checkpoint.Save("noise", unit + 1, writer => Array.ForEach(noise, n => n.Write(writer)));
        }
    }

    /// <summary>The quantized network, ready to run.</summary>
    public NetworkEvaluator Evaluator() =>
        new(Quantized.Network, Context.Options.Steps, Tensors.Bytes, Context.Device, ReferenceTrajectories.UnitImages);

    /// <summary>The parameters that a step runs with.</summary>
    public static Quantization[] Quantizations(ActivationRange[] ranges) => Array.ConvertAll(ranges, r => new Quantization(r.Scale, r.ZeroPoint, r.Levels));

    private ActivationRange[][] SearchRanges(int bits)
    {
        var all = new ActivationRange[Context.Options.Steps][];
        Parallel.For(0, all.Length, new ParallelOptions { MaxDegreeOfParallelism = Context.Threads, CancellationToken = Context.Cancellation }, step =>
            all[step] = [.. Quantized.Sources.Select((source, slot) =>
                ActivationSearch.Minimize(_activations!.Histogram(step, source), bits == 4 && !Quantized.Widened[slot] ? 15 : 255))]);
        return all;
    }
}
