using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The collecting phases of a calibration, each of which uses what the earlier ones found. What was collected decides everything that follows. An artefact and the rows
/// of an ablation go through the same phases, for other ways to quantize.</summary>
internal sealed partial class CalibrationRun
{
    private const string SharedNoise = "noise";

    private readonly Checkpoint _checkpoint;
    private readonly QuantizationVariant[] _variants;
    private readonly IReadOnlyCollection<string> _eightBits;
    private readonly List<CalibrationRun> _sharing = [];
    private Dictionary<(int, RoundingChoice), QuantizedTensors> _tensors = [];
    private readonly Dictionary<QuantizationVariant, ActivationRange[][]> _ranges = [];
    private readonly string _noisePhase;
    private readonly int _units, _rangeUnits;
    private readonly MemoryPlan _memory;
    private Dictionary<int, QuantizedNetwork> _networks;
    // What stays in floating point: what 8 bits cannot hold, known when the first activations are, and the first convolution where images ask for it.
    private string[] _floating = [];
    private readonly List<Finding> _decided = [];
    private CalibrationRun? _owner;
    private RoundedLayers? _rounded;
    private ActivationCollector? _activations;
    // Of the first range of units that this process collects: every range has the same.
    private IReadOnlyDictionary<string, ChannelSpread>? _scales;
    private WidthStatistics[] _statistics = [];

    /// <summary>For an artefact.</summary>
    public CalibrationRun(CalibrationContext context, Checkpoint checkpoint)
        : this(context, checkpoint, QuantizationVariant.Measured(context.Options))
    {
    }

    /// <param name="context">What is calibrated, and for what.</param>
    /// <param name="checkpoint">Written after each unit.</param>
    /// <param name="variants">Ways to quantize.</param>
    public CalibrationRun(CalibrationContext context, Checkpoint checkpoint, IReadOnlyList<QuantizationVariant> variants)
        : this(context, checkpoint, variants, [], [], SharedNoise)
    {
    }

    private CalibrationRun(CalibrationContext context, Checkpoint checkpoint, IReadOnlyList<QuantizationVariant> variants, IReadOnlyCollection<string> eightBits, string[] floating, string noisePhase)
    {
        (Context, _checkpoint, _variants, _eightBits, _floating, _noisePhase, Learner) = (context, checkpoint, [.. variants], eightBits, floating, noisePhase, context.Options.Engine);
        ClippedWeight = context.Options.Clipping == ClippingChoice.Weighted ? WeightedClipping : PlainClipping;
        _networks = Networks();
        Widths = context.Options.Activations switch { ActivationWidth.Four => [4], ActivationWidth.Eight => [8], _ => [4, 8] };
        _units = ReferenceTrajectories.UnitsOf(context.Options.Trajectories);
        _rangeUnits = ReferenceTrajectories.UnitsOf(context.Options.RangeTrajectories);
        // The same for all solvers, whose groups of layers must be the same.
        _memory = new(context.Model, _networks.Values, context.Options with { Evaluations = context.TableTimesteps.Length }, IsSecondOrder, context.Solvers.Count);
    }

    /// <summary>What is calibrated, and for what.</summary>
    public CalibrationContext Context { get; }

    /// <summary>What learns rounding, for variants that are reconstructed.</summary>
    public ReferenceEngine? Learner { get; init; }

    /// <summary>Whether noise is measured free-running, too.</summary>
    public bool FreeRunning { get; init; } = true;

    /// <summary>The artefact's network with integer convolutions.</summary>
    public QuantizedNetwork Quantized => _networks[Context.Options.WeightBits];

    /// <summary>Activation widths that the artefact may use.</summary>
    public int[] Widths { get; }

    /// <summary>What was collected along FP32 trajectories, after <see cref="CollectActivations"/>.</summary>
    public ActivationCollector Activations => _activations!;

    /// <summary>The artefact's tensors, after <see cref="QuantizeWeights"/>.</summary>
    public QuantizedTensors Tensors => TensorsOf(Own(Widths[0]));

    /// <summary>What stands out in what became integers, or could not; after <see cref="QuantizeWeights"/>.</summary>
    public IReadOnlyList<Finding> Fitness { get; private set; } = [];

    /// <summary>What held-out images have decided about the weights, after <see cref="QuantizeWeights"/>: for all runs that share them, and of the one that rounds them.</summary>
    public IReadOnlyList<Finding> Decided => _decided;

    /// <summary>Noise of all variants, after <see cref="CollectNoise"/>.</summary>
    public IReadOnlyList<WidthStatistics> Statistics => _statistics;

    /// <summary>Work of the phases here, in evaluations of a unit's trajectories.</summary>
    public double Work => ScalingWork + _rangeUnits * _memory.Groups.Count * ObservingWork + CollectingNoiseWork + (_variants.Any(IsLearned) ? ReconstructionPhase.Work(Context.Options) : 0)
        + ChoicesWork + SequentialWork;

    /// <summary>Work of <see cref="CollectNoise"/> alone.</summary>
    public double CollectingNoiseWork => NoiseWork(_units);

    /// <summary>The artefact's way to quantize with some activation bits.</summary>
    public QuantizationVariant Own(int activationBits) => new(Context.Options.WeightBits, Context.Options.Rounding, true, activationBits);

    /// <summary>A variant's tensors, after <see cref="QuantizeWeights"/>.</summary>
    public QuantizedTensors TensorsOf(QuantizationVariant variant) => _tensors[(variant.WeightBits, variant.Rounding)];

    /// <summary>Per step and slot, what the histograms gave, or learning made of it; after <see cref="QuantizeWeights"/>.</summary>
    public ActivationRange[][] Ranges(QuantizationVariant variant) => _ranges[variant];

    /// <summary>A variant's noise, after <see cref="CollectNoise"/>.</summary>
    public NoiseCollector Noise(QuantizationVariant variant) => _statistics[Array.IndexOf(_variants, variant)].Noise;

    /// <summary>A variant's network.</summary>
    public Network NetworkOf(QuantizationVariant variant) => _networks[variant.WeightBits].Network;

    /// <summary>A variant's network, ready to run; after <see cref="QuantizeWeights"/>.</summary>
    public NetworkEvaluator Evaluator(QuantizationVariant variant) => Evaluator(NetworkOf(variant), TensorsOf(variant));

    /// <summary>Steps, each with the ranges and the noise of a variant of its own; after <see cref="CollectNoise"/>.</summary>
    /// <param name="variants">One a step.</param>
    public StepDecision[] Steps(IEnumerable<QuantizationVariant> variants) => [.. variants.Select((variant, step) => new StepDecision(
        Context.Program.Evaluations[step], variant.ActivationBits, Quantizations(Ranges(variant)[step]), Noise(variant).Moments(step),
        Math.Abs(Context.Program.Evaluations[step].Lambda())) { Guidance = Context.Options.Guidance })];

    /// <summary>The manifest of some steps.</summary>
    /// <param name="weights">Gives the network; the steps' variants have the same weights.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="plan">Corrections.</param>
    /// <param name="policy">How the bits were chosen.</param>
    public CalibrationManifest Manifest(QuantizationVariant weights, IReadOnlyList<StepDecision> steps, CorrectionPlan plan, string policy) =>
        ManifestBuilder.Build(Context.Model, Context.Run, Context.Options, _networks[weights.WeightBits].Network, steps, plan, policy);

    /// <summary>The same calibration with some convolutions at 8 bits: activations are collected already, weights are not, and until noise is, the figures are those without them.
    /// Those of weights of another width stay, for nothing of theirs changes.</summary>
    public CalibrationRun Keeping(IReadOnlyCollection<string> eightBits) =>
        new(Context, _checkpoint, _variants, eightBits, _floating, "noise-of-kept-layers") { _activations = _activations, _scales = _scales, _rounded = _rounded, _statistics = _statistics, _apart = _apart, ClippedWeight = ClippedWeight, Confirm = false };

    /// <summary>Some variants with further convolutions in floating point: the integers of the others stay, and the figures of the noise are those without that.</summary>
    public CalibrationRun Leaving(IEnumerable<string> convolutions, IReadOnlyList<QuantizationVariant> variants) => new(Context, _checkpoint, variants, _eightBits, [.. _floating, .. convolutions], _noisePhase)
    {
        _activations = _activations, _scales = _scales, _rounded = _rounded, _statistics = [.. variants.Select(v => _statistics[Array.IndexOf(_variants, v)])], ClippedWeight = ClippedWeight, Confirm = false,
    };

    /// <summary>Ranges along FP32 trajectories, the scales of all layers' inputs, and the moments of a first group's.</summary>
    /// <param name="networks">Have the FP32 network; null for one that is made for this.</param>
    public void CollectActivations(SharedNetworks? networks = null)
    {
        using SharedNetworks? own = networks is null ? new(Context) : null;
        _activations = Collect("activations", 0, networks ?? own!);
    }

    /// <summary>Takes the weights of another solver's run, which rounds them for the states of both; that run's weights are quantized first.</summary>
    /// <param name="weights">The run whose weights these will be.</param>
    public void Share(CalibrationRun weights)
    {
        _owner = weights;
        weights._sharing.Add(this);
    }

    /// <summary>Integers for the weights, ranges for the activations. Groups of layers that have no moments yet get them from passes of their own.</summary>
    public void QuantizeWeights()
    {
        LeaveUnfit();
        if (_owner is not null)
        {
            (_rounded, _tensors) = (_owner._rounded, _owner._tensors);
        }
        else
        {
            RoundGroups();
            if (IsFirstConvolutionAsked) ChooseFirstConvolution();
            if (IsClippingAsked) ChooseClipping();
        }

        foreach (QuantizationVariant variant in _variants)
        {
            var (bits, rounding) = (variant.WeightBits, variant.Rounding);
            if (!_tensors.ContainsKey((bits, rounding)))
            {
                bool secondOrder = rounding != RoundingChoice.Nearest;
                if (!secondOrder) RoundNearest(_networks[bits].Network);
                _tensors.Add((bits, rounding), new(Context.Model, Context.TableTimesteps, _networks[bits].Network, _rounded!, secondOrder));
            }

            _ranges[variant] = SearchRanges(_networks[variant.WeightBits], variant, ClippedWeight);
        }

        // For the ranges of all solvers, when the last one has its own.
        CalibrationRun owner = _owner ?? this;
        if (owner._sharing.All(run => run._ranges.Count > 0)) owner.RoundInSequence();
        QuantizationVariant[] learned = [.. _variants.Where(IsLearned).OrderBy(v => v.ActivationBits)];
        if (learned.Length == 0) return;
        new ReconstructionPhase(Context, Learner!, _networks[learned[0].WeightBits], [.. learned.Select(v => v.ActivationBits)], _checkpoint)
            .Run(TensorsOf(learned[0]), [.. learned.Select(Ranges)]);
    }

    /// <summary>Noise of all variants, on the kernels that will run: teacher-forced on every trajectory, free-running on those that ranges come from. They share FP32's evaluations.</summary>
    /// <param name="networks">Have FP32's network and the quantized ones; null for some that are made for this.</param>
    public void CollectNoise(SharedNetworks? networks = null)
    {
        using SharedNetworks? own = networks is null ? new(Context) : null;
        networks ??= own!;
        var evaluators = Measured.ToDictionary(v => v, v => networks.Quantized(this, v));
        Measure(networks, evaluators);
    }

    /// <summary>Forgets the weights that the artefact does not use: their noise is measured.</summary>
    public void ForgetOtherWeights()
    {
        foreach ((int, RoundingChoice) other in _tensors.Keys.Where(key => _tensors[key] != Tensors).ToArray()) _tensors.Remove(other);
    }

    /// <summary>Removes what only this process has: its part is done.</summary>
    public void DeleteOwn()
    {
        _checkpoint.Delete(ScalesPhase);
        _checkpoint.Delete(RoundedPhase);
        _checkpoint.Delete(SequentialPhaseName);
    }

    /// <summary>The parameters that a step runs with.</summary>
    public static Quantization[] Quantizations(ActivationRange[] ranges) => Array.ConvertAll(ranges, r => new Quantization(r.Scale, r.ZeroPoint, r.Levels));

    private int FreeUnits => FreeRunning ? _rangeUnits : 0;

    /// <summary>Whether all was measured before with other convolutions at 8 bits.</summary>
    private bool Again => _noisePhase != SharedNoise;

    /// <summary>Variants whose noise is not known yet.</summary>
    private QuantizationVariant[] Measured => Again ? Array.FindAll(_variants, v => v.WeightBits == Context.Options.WeightBits) : _variants;

    /// <summary>Units whose predictions in FP32 are kept by then, or else computed again: those that ranges come from, and all of them once noise was measured.</summary>
    private int KeptUnits => Context.Predictions is null ? 0 : Again ? _units : _rangeUnits;

    /// <summary>Work of the first units' noise.</summary>
    private double NoiseWork(double units) => WorkShares.Halves(Context.Options) * Math.Max(0, units - KeptUnits)
        + (WorkShares.Halves(Context.Options) * units + Math.Min(units, FreeUnits)) * Measured.Length * WorkShares.Measured;

    private double ObservingWork => WorkShares.Halves(Context.Options) * WorkShares.Observed;

    private string RoundedPhase => OwnPhase("rounded");

    /// <summary>Name of what processes that share a calibration have each for itself.</summary>
    private string OwnPhase(string name) => Context.Ranges is { LockName: { } own } ? $"{name}.{own}" : name;

    /// <summary>Whether the first unit is gone through for the scales alone, before any is observed: moments need them, and processes side by side the same ones.</summary>
    private bool ScalesFirst => IsSecondOrder || Context.Ranges is not null;

    /// <summary>The first solver's run finds the scales of all.</summary>
    private double ScalingWork => ScalesFirst && ReferenceEquals(Context.Run, Context.Solvers[0]) ? Context.Solvers.Count * ObservingWork : 0;

    private bool IsSecondOrder => _variants.Any(v => v.Rounding != RoundingChoice.Nearest);

    private Dictionary<int, QuantizedNetwork> Networks() => _variants.Select(v => v.WeightBits).Append(Context.Options.WeightBits).Distinct().ToDictionary(bits => bits, bits => NetworkOf(bits, _floating));

    /// <param name="bits">Of the weights.</param>
    /// <param name="floating">What stays in floating point beside what the user has named.</param>
    private QuantizedNetwork NetworkOf(int bits, string[] floating) =>
        QuantizedNetwork.Of(Context.Network, bits, [.. Context.Options.Skip, .. floating], Context.Options.AttentionBits, bits == Context.Options.WeightBits ? _eightBits : []).Store(Context.Model.Halves);

    private void LeaveUnfit()
    {
        // Solvers that share weights leave the same layers: over the states of all.
        foreach (CalibrationRun other in ScalesFirst ? [] : _sharing) _activations!.MergeSpreads(other._activations!);
        Fitness = [.. IntegerFitness.Examine(Context.Model.Network, Quantized, Context.Model.Weights, (_owner ?? this)._activations!.Spreads)];
        string[] unfit = [.. Fitness.OfType<KeptInFloatingPoint>().Select(f => f.Operation)];
        if (unfit.Length > 0) Leave(unfit);
    }

    private void Leave(string[] operations)
    {
        _floating = [.. _floating, .. operations];
        _networks = Networks();
    }

    private NetworkEvaluator Evaluator(Network network, QuantizedTensors tensors) =>
        new(network, Context.Options.Evaluations, tensors.Bytes, Context.Device, ReferenceTrajectories.CapacityOf(network, Context.Options)) { Contexts = Context.Model.Contexts };

    private void RoundGroups()
    {
        // Processes that share a calibration round for themselves.
        _rounded ??= _checkpoint.Rounded(RoundedPhase, RoundedLayers.Sizes(Context.Model.Network));
        CalibrationRun[] runs = [this, .. _sharing];
        for (int group = 0; group < _memory.Groups.Count; group++)
        {
            string[] layers = _memory.Groups[group];
            if (group > 0 && AllRounded(layers)) continue;
            string phase = $"moments-{group}-of-{_memory.Groups.Count}";
            ActivationCollector[] moments;
            using (var networks = new SharedNetworks(Context)) moments = [.. runs.Select(run => group == 0 ? run._activations! : run.Collect(phase, group, networks))];
            // Of all solvers that the weights are for.
            foreach (ActivationCollector other in moments.Skip(1)) moments[0].MergeMoments(other);
            Round(layers, moments[0]);
            foreach (ActivationCollector collected in moments) collected.ForgetMoments();
            foreach (CalibrationRun run in runs.Where(_ => group > 0)) run._checkpoint.Delete(phase);
        }

        if (!IsSecondOrder) return;
        var maps = Context.Model.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        int[] most = [.. ActivationCollector.Rounded(Context.Model.Network, Quantized, RoundingChoice.Gptq).Select(c => ColumnSampler.Most(ActivationCollector.ColumnSize(c, maps)))];
        int limited = most.Count(m => m < ColumnSampler.MaximumColumns);
        if (limited > 0) _decided.Add(new ColumnsLimited(limited, most.Length, most.Min()));
    }

    private ActivationCollector Collect(string name, int group, SharedNetworks networks)
    {
        using ReferenceTrajectories reference = Context.Reference(Context.Run, networks);
        string phase = group == 0 ? "FP32 activations" : "input moments";
        return new UnitPhase<ActivationCollector>(name, _rangeUnits, Context, Context.Ranges, _checkpoint)
        {
            Create = New,
            Steps = Context.Options.Evaluations,
            Begin = (activations, done) =>
            {
                if (done > 0) Context.Resume(phase, (group == 0 ? ScalingWork : 0) + done * ObservingWork);
                else if (ScalesFirst && Known is null) activations.TakeScales(_scales = Scales(networks, phase));
            },
            Collect = (activations, unit, from, keep) =>
            {
                foreach (TrajectoryState state in reference.Run(unit, activations.Observe, from, Context.Cancellation))
                {
                    keep(state.Step + 1);
                    Context.Report(phase, ObservingWork / Context.Options.Evaluations);
                }
            },
            FirstSteps = ScalesFirst ? 0 : Context.Options.Evaluations,
            // Further groups have the scales of the first.
            WriteFirst = group > 0 ? null : (activations, writer) => activations.WriteSpreads(writer),
            ReadFirst = group > 0 ? null : (activations, reader, steps) => activations.ReadSpreads(reader, FirstImages * (ScalesFirst ? Context.TableTimesteps.Length : steps)),
            Write = (activations, writer) => activations.Write(writer),
            WriteStep = group > 0 ? null : (activations, step, writer) => activations.WriteStep(step, writer),
            Read = (activations, reader, range, steps) =>
            {
                activations.Read(reader, ScalesFirst, range, steps);
                _scales ??= activations.Spreads;
            },
            ReadStep = group > 0 ? null : (activations, step, reader, range) => activations.ReadStep(step, reader, range),
            Merge = (activations, following) => activations.Merge(following),
        }.Run();

        ActivationCollector New()
        {
            ActivationCollector activations = Collector(_memory.Groups[group], histograms: group == 0);
            if (ScalesFirst && Known is { } scales) activations.TakeScales(scales);
            return activations;
        }
    }

    private ActivationCollector Collector(string[] layers, bool histograms) =>
        new(Context.Model.Network, Quantized, Context.Options with { Rounding = IsSecondOrder ? RoundingChoice.Gptq : RoundingChoice.Nearest }, Context.Threads, layers, histograms);

    /// <summary>Convolutions of all second-order variants, each bit width once.</summary>
    private IEnumerable<ConvolutionOperation> SecondOrder(string[] layers) =>
        _variants.Where(v => v.Rounding != RoundingChoice.Nearest).Select(v => v.WeightBits).Distinct()
            .SelectMany(bits => QuantizedTensors.Integers(_networks[bits].Network)).Where(c => layers.Contains(c.Name)).DistinctBy(c => (c.Name, c.WeightBits));

    private bool AllRounded(string[] layers) => SecondOrder(layers).All(c => _rounded!.Has(c.Name, c.WeightBits, secondOrder: true));

    private void Round(string[] layers, ActivationCollector moments)
    {
        foreach (IGrouping<string, ConvolutionOperation> widths in SecondOrder(layers).Where(c => !_rounded!.Has(c.Name, c.WeightBits, secondOrder: true)).ToLookup(c => c.Name))
            Round(widths, moments.Moments(widths.Key) ?? throw new InvalidOperationException($"The moments of {widths.Key} are gone."));
    }

    /// <summary>Rounds all widths of a layer, which its H and what is made of it serve.</summary>
    private void Round(IEnumerable<ConvolutionOperation> widths, ColumnMoments inputs)
    {
        var hessian = DampedHessian.Of(inputs.Blocks, Context.Threads);
        foreach (ConvolutionOperation c in widths)
        {
            Context.Cancellation.ThrowIfCancellationRequested();
            Context.Report($"rounding {c.Name}, {c.WeightBits} bits", 0);
            _rounded!.Round(Context.Model.Weights, c, hessian, Context.Threads);
        }
    }

    private void RoundNearest(Network network)
    {
        foreach (ConvolutionOperation c in QuantizedTensors.Integers(network))
        {
            Context.Cancellation.ThrowIfCancellationRequested();
            Context.Report($"rounding {c.Name}, {c.WeightBits} bits", 0);
            _rounded!.Round(Context.Model.Weights, c, null, Context.Threads);
        }
    }

    private bool IsLearned(QuantizationVariant variant) => variant.Rounding == RoundingChoice.Reconstruct && Widths.Contains(variant.ActivationBits);

    private void Measure(SharedNetworks networks, Dictionary<QuantizationVariant, NetworkEvaluator> evaluators)
    {
        using ReferenceTrajectories reference = Context.Reference(Context.Run, networks);
        const string Phase = "quantization noise";
        // The noise of kept layers is measured by the process that decides.
        UnitRanges? ranges = Again ? null : Context.Ranges;
        QuantizationVariant[] measured = Measured;
        var phase = new UnitPhase<WidthStatistics[]>(_noisePhase, _units, Context, ranges, _checkpoint)
        {
            Create = New,
            Steps = Context.Options.Evaluations,
            Begin = (_, done) => Context.Resume(Phase, NoiseWork(done)),
            Collect = (statistics, unit, from, keep) =>
            {
                bool free = unit < FreeUnits;
                foreach (TrajectoryState state in reference.Run(unit, from: from, cancellation: Context.Cancellation))
                {
                    foreach (WidthStatistics s in statistics) s.Noise.Add(state, s.Quantized, Context.Model.NoCondition, Context.Cancellation);
                    if (free)
                    {
                        ProgramInterpreter next = state.Solver.Branch();
                        next.Advance(state.Step, state.Prediction, state.Variance);
                        foreach (WidthStatistics s in statistics) s.FreeRunning.Add(state, next.State, s.Quantized, Context.Cancellation);
                    }

                    keep(state.Step + 1);
                    Context.Report(Phase, (NoiseWork(unit + 1) - NoiseWork(unit)) / Context.Options.Evaluations);
                }
            },
            Write = (statistics, writer) => Array.ForEach(statistics, s => s.Write(writer)),
            WriteStep = (statistics, step, writer) => Array.ForEach(statistics, s => s.WriteStep(step, writer)),
            Read = (statistics, reader, range, steps) => Array.ForEach(statistics, s => s.Read(reader, range.End, steps, FreeUnits)),
            ReadStep = (statistics, step, reader, range) => Array.ForEach(statistics, s => s.ReadStep(step, reader, range, FreeUnits)),
            Merge = (statistics, following) =>
            {
                foreach ((WidthStatistics of, WidthStatistics with) in statistics.Zip(following)) of.Merge(with);
            },
        };
        // What follows is one process's: the others wait for nobody here.
        if (ranges is { Decides: false })
        {
            phase.RunOwn();
            return;
        }

        WidthStatistics[] found = phase.Run();
        _statistics = [.. _variants.Select((v, i) => Array.IndexOf(measured, v) is >= 0 and var at ? found[at] : _statistics[i])];

        WidthStatistics[] New() => [.. measured.Select(v =>
        {
            Quantization[][] quantizations = Array.ConvertAll(Ranges(v), Quantizations);
            return new WidthStatistics(v.Bits, evaluators[v], new(quantizations, Context.Model, Context.Options), new(quantizations, Context.Model, Context.Program, Context.Options));
        })];
    }

    private ActivationRange[][] SearchRanges(QuantizedNetwork network, QuantizationVariant variant, double clippedWeight)
    {
        var all = new ActivationRange[Context.Options.Evaluations][];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Context.Threads, CancellationToken = Context.Cancellation };
        if (variant.PerStep)
        {
            Parallel.For(0, all.Length, parallel, step => all[step] = [.. network.Sources.Select((source, slot) => Search(slot, _activations!.Histogram(network.Constant[slot] ? 0 : step, source)))]);
            return all;
        }

        var whole = new ActivationRange[network.Sources.Count];
        Parallel.For(0, whole.Length, parallel, slot =>
        {
            var histogram = new ActivationHistogram();
            for (int step = 0; step < all.Length; step++) histogram.Merge(_activations!.Histogram(step, network.Sources[slot]));
            whole[slot] = Search(slot, histogram);
        });
        Array.Fill(all, whole);
        return all;

        ActivationRange Search(int slot, ActivationHistogram histogram) => ActivationSearch.Minimize(histogram, variant.ActivationBits == 4 && !network.Widened[slot] ? 15 : 255, clippedWeight);
    }
}
