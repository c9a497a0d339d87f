namespace Specializer.Calibration;

/// <summary>One calibration's collecting phases, each of which uses what the earlier ones found. What was collected decides everything that follows.</summary>
internal sealed class CalibrationRun
{
    private readonly Checkpoint _checkpoint;
    // A quantized evaluation beside one in FP32, roughly: for the time left only.
    private const double QuantizedWork = 0.5;

    private readonly string _noisePhase;
    private readonly int _units, _rangeUnits;
    private ActivationCollector? _activations;
    private WidthStatistics[] _statistics = [];

    public CalibrationRun(CalibrationContext context, Checkpoint checkpoint)
        : this(context, checkpoint, [], "noise")
    {
    }

    private CalibrationRun(CalibrationContext context, Checkpoint checkpoint, IReadOnlyCollection<string> eightBits, string noisePhase)
    {
        (Context, _checkpoint, _noisePhase) = (context, checkpoint, noisePhase);
        Quantized = QuantizedNetwork.Of(context.Model.Network, context.Options.WeightBits, context.Options.Skip, context.Options.AttentionBits, eightBits);
        Widths = context.Options.Activations switch { ActivationWidth.Four => [4], ActivationWidth.Eight => [8], _ => [4, 8] };
        _units = Units(context.Options.Trajectories);
        _rangeUnits = Units(context.Options.RangeTrajectories);

        static int Units(int trajectories) => (trajectories + ReferenceTrajectories.UnitImages - 1) / ReferenceTrajectories.UnitImages;
    }

    /// <summary>What is calibrated, and for what.</summary>
    public CalibrationContext Context { get; }

    /// <summary>The network with integer convolutions.</summary>
    public QuantizedNetwork Quantized { get; }

    /// <summary>Activation widths that the artefact may use.</summary>
    public int[] Widths { get; }

    /// <summary>What was collected along FP32 trajectories, after <see cref="CollectActivations"/>.</summary>
    public ActivationCollector Activations => _activations!;

    /// <summary>The weights file's tensors, after <see cref="QuantizeWeights"/>.</summary>
    public QuantizedTensors Tensors { get; private set; } = null!;

    /// <summary>Per width, step and slot, what the histograms gave, or learning made of it; after <see cref="QuantizeWeights"/>.</summary>
    public ActivationRange[][][] Ranges { get; private set; } = [];

    /// <summary>Noise of one of <see cref="Widths"/>, after <see cref="CollectNoise"/>.</summary>
    public NoiseCollector Noise(int width) => _statistics.Single(s => s.Bits == new BitWidths(Context.Options.WeightBits, Widths[width])).Noise;

    /// <summary>Noise of all widths that there are kernels for, whether the artefact uses them or not; after <see cref="CollectNoise"/>.</summary>
    public IReadOnlyList<WidthStatistics> Statistics => _statistics;

    /// <summary>Work of the phases here, in evaluations of a unit's trajectories.</summary>
    public double Work => 1 + _rangeUnits * (1 + FreeRunningWork) + _units * NoiseWork + ReconstructionPhase.Work(Context.Options);

    /// <summary>Work of <see cref="CollectNoise"/> alone.</summary>
    public double CollectingNoiseWork => _rangeUnits * FreeRunningWork + _units * NoiseWork;

    /// <summary>The same calibration with some convolutions at 8 bits: activations are collected already, weights and noise are not.</summary>
    public CalibrationRun Keeping(IReadOnlyCollection<string> eightBits) => new(Context, _checkpoint, eightBits, "noise-of-kept-layers") { _activations = _activations };

    /// <summary>Ranges and input moments along FP32 trajectories.</summary>
    public void CollectActivations()
    {
        using ReferenceTrajectories reference = Context.Reference();
        ActivationCollector activations = New();
        int first = _checkpoint.Load("activations", _rangeUnits, (reader, units) =>
        {
            ActivationCollector read = New();
            read.Read(reader, units);
            activations = read;
        });
        _activations = activations;
        if (first == 0) activations.FixScales(reference, _ => Context.Report("FP32 activations", 1.0 / Context.Options.Steps), Context.Cancellation);
        else Context.Report("FP32 activations", 1 + first);
        for (int unit = first; unit < _rangeUnits; unit++)
        {
            foreach (TrajectoryState _ in reference.Run(unit, activations.Observe, Context.Cancellation)) Context.Report("FP32 activations", 1.0 / Context.Options.Steps);
            _checkpoint.Save("activations", unit + 1, activations.Write);
        }

        ActivationCollector New() => new(reference.Network, Quantized, Context.Options, Context.Threads);
    }

    /// <summary>Integers for the weights, ranges for the activations.</summary>
    public void QuantizeWeights()
    {
        Tensors = new(Context.Model, Context.Timesteps, Quantized.Network, _activations!.Moments, Context.Threads, Context.Cancellation);
        Ranges = [.. Widths.Select(bits => SearchRanges(Quantized, bits))];
        if (Context.Options.Rounding == RoundingChoice.Reconstruct) new ReconstructionPhase(Context, Quantized, Widths, _checkpoint).Run(Tensors, Ranges);
    }

    /// <summary>Noise of all widths, on the kernels that will run: teacher-forced on every trajectory, free-running on those that ranges come from. They share FP32's evaluations.</summary>
    public void CollectNoise()
    {
        int other = Context.Options.WeightBits == 4 ? 8 : 4;
        QuantizedNetwork network = QuantizedNetwork.Of(Context.Model.Network, other, Context.Options.Skip, Context.Options.AttentionBits);
        using NetworkEvaluator own = Evaluator();
        // What the artefact does not use is measured with the weights that it would have.
        using NetworkEvaluator beside = Evaluator(network, new(Context.Model, Context.Timesteps, network.Network, _activations!.Moments, Context.Threads, Context.Cancellation));
        (BitWidths Bits, Quantization[][] Quantizations)[] widths = [.. BitWidths.All.Select(bits =>
        {
            int width = bits.Weights == other ? -1 : Array.IndexOf(Widths, bits.Activations);
            ActivationRange[][] ranges = width >= 0 ? Ranges[width] : SearchRanges(bits.Weights == other ? network : Quantized, bits.Activations);
            return (bits, Array.ConvertAll(ranges, Quantizations));
        })];
        WidthStatistics[] statistics = New();
        using ReferenceTrajectories reference = Context.Reference();
        int first = _checkpoint.Load(_noisePhase, _units, (reader, units) =>
        {
            WidthStatistics[] read = New();
            foreach (WidthStatistics s in read) s.Read(reader, units, Math.Min(units, _rangeUnits));
            statistics = read;
        });
        _statistics = statistics;
        Context.Report("quantization noise", first * NoiseWork + Math.Min(first, _rangeUnits) * FreeRunningWork);
        for (int unit = first; unit < _units; unit++)
        {
            bool free = unit < _rangeUnits;
            foreach (TrajectoryState state in reference.Run(unit, cancellation: Context.Cancellation))
            {
                foreach (WidthStatistics s in _statistics) s.Noise.Add(state, s.Quantized, Context.Model.NoCondition, Context.Cancellation);
                if (free)
                {
                    float[] next = [.. state.X];
                    reference.Advance(state.Step, state.FirstImage, state.Images, next, state.Prediction);
                    foreach (WidthStatistics s in _statistics) s.FreeRunning.Add(state, next, reference, s.Quantized, Context.Cancellation);
                }

                Context.Report("quantization noise", (NoiseWork + (free ? FreeRunningWork : 0)) / Context.Options.Steps);
            }

            _checkpoint.Save(_noisePhase, unit + 1, writer => Array.ForEach(_statistics, s => s.Write(writer)));
        }

        WidthStatistics[] New() => Array.ConvertAll(widths, w => new WidthStatistics(w.Bits, w.Bits.Weights == other ? beside : own,
            new(w.Quantizations, Context.Model.Channels, Context.Options), new(w.Quantizations, Context.Model, Context.Options)));
    }

    /// <summary>The quantized network, ready to run.</summary>
    public NetworkEvaluator Evaluator() => Evaluator(Quantized, Tensors);

    /// <summary>The parameters that a step runs with.</summary>
    public static Quantization[] Quantizations(ActivationRange[] ranges) => Array.ConvertAll(ranges, r => new Quantization(r.Scale, r.ZeroPoint, r.Levels));

    // Of a unit, in FP32 evaluations of its trajectories.
    private static double NoiseWork => 1 + BitWidths.All.Count * QuantizedWork;

    private static double FreeRunningWork => BitWidths.All.Count * QuantizedWork;

    private NetworkEvaluator Evaluator(QuantizedNetwork network, QuantizedTensors tensors) =>
        new(network.Network, Context.Options.Steps, tensors.Bytes, Context.Device, ReferenceTrajectories.UnitImages) { Contexts = Context.Model.Contexts };

    private ActivationRange[][] SearchRanges(QuantizedNetwork network, int bits)
    {
        var all = new ActivationRange[Context.Options.Steps][];
        Parallel.For(0, all.Length, new ParallelOptions { MaxDegreeOfParallelism = Context.Threads, CancellationToken = Context.Cancellation }, step =>
            all[step] = [.. network.Sources.Select((source, slot) =>
                ActivationSearch.Minimize(_activations!.Histogram(network.Constant[slot] ? 0 : step, source), bits == 4 && !network.Widened[slot] ? 15 : 255))]);
        return all;
    }
}
