using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>The last phase: bits per step, corrections, and the manifest they make.</summary>
internal sealed class DecisionPhase
{
    private const string CostPhase = "cost of each step";

    private readonly CalibrationContext _context;
    private readonly CalibrationRun _run;
    private readonly Checkpoint _checkpoint;
    private readonly List<Finding> _findings;
    private readonly Dictionary<string, StepDecision[]> _measured = new(StringComparer.Ordinal);
    private string _policy;
    private HeldOutImages? _heldOut;
    private BudgetCosts? _costs;
    private double? _allowed;

    /// <param name="run">Whose collecting phases are done, or will be before <see cref="Decide"/>.</param>
    /// <param name="checkpoint">For the measured costs.</param>
    /// <param name="findings">Receives what was found and decided.</param>
    public DecisionPhase(CalibrationRun run, Checkpoint checkpoint, List<Finding> findings)
    {
        (_run, _context, _checkpoint, _findings) = (run, run.Context, checkpoint, findings);
        _policy = Options.Activations == ActivationWidth.Mixed ? Options.Policy.ToString().ToLowerInvariant() : "uniform";
    }

    private CalibrationOptions Options => _context.Options;

    /// <summary>The same decision for another network under a cap of its own: the held-out images and each step's measured costs are shared.</summary>
    /// <param name="run">Whose noise is collected.</param>
    /// <param name="allowed">Bit operations of all steps together.</param>
    /// <param name="findings">Receives what was found and decided.</param>
    public DecisionPhase For(CalibrationRun run, double allowed, List<Finding> findings) => new(run, _checkpoint, findings) { _heldOut = HeldOut, _costs = _costs, _allowed = allowed };

    /// <summary>Squared error of each held-out image to FP32's, dB of its mean; with the sampler's own σ, for a changed one lowers paired figures by construction.</summary>
    public double[] FinalErrorsDb(CalibrationManifest manifest) => HeldOut.ErrorsDb(HeldOut.Draw(manifest.WithOwnNoise(), _run.Tensors));

    /// <summary>The same with the bits that are chosen here and without any correction, so that no noise need have been measured.</summary>
    /// <param name="bits">Activation bits by step.</param>
    public double[] UncorrectedErrorsDb(out int[] bits)
    {
        bits = Allocate();
        return HeldOut.ErrorsDb(HeldOut.Draw(Build(bits, new(MeanCorrectionKind.Off, true, false)), _run.Tensors));
    }

    /// <summary>Work of drawing the held-out images once, in evaluations of a unit's trajectories.</summary>
    public double DrawingWork => WorkShares.Drawn * WorkShares.GuidedHalves(Options) * HeldOutImages.Count(Options) / ReferenceTrajectories.UnitImages;

    /// <summary>Most work that this phase will do, in evaluations of a unit's trajectories.</summary>
    public double Work
    {
        get
        {
            double unit = ReferenceTrajectories.UnitImages;
            bool budget = Options is { Activations: ActivationWidth.Mixed, Policy: BitPolicy.Budget };
            bool noise = _context.InjectsNoise && Options.VarianceCorrection != VarianceCorrectionChoice.Off;
            int draws = Evidence.Draws(Options, noise) + (budget ? 2 : 0);
            double drawing = (draws == 0 ? 0 : draws + 1) * DrawingWork; // FP32 is drawn, too.
            double costs = budget ? (Options.Evaluations + 2.0) * WorkShares.GuidedHalves(Options) * ReferenceTrajectories.UnitsOf(BudgetCosts.Images(Options)) : 0;
            double added = noise ? AddedVariance.Work(Options, 1) : 0;
            double variance = noise && Options.VarianceCorrection == VarianceCorrectionChoice.Auto ? StateWork * HeldOutImages.Count(Options) / unit : 0;
            return drawing + costs + added + variance;
        }
    }

    /// <summary>Decides, and writes down why.</summary>
    public CalibrationManifest Decide()
    {
        int[] bits = Allocate();
        CorrectionPlan plan = new Evidence(p => Steps(bits, p), p => HeldOut.Draw(Build(bits, p), _run.Tensors), () => HeldOut, p => MeasureVariance(Steps(bits, p), p), _findings).Choose(Options);
        FindNoise(Steps(bits, plan));
        FindTroubles(Steps(bits, plan), plan);
        return Build(bits, plan) with { Statistics = _run.Statistics.Select(s => s.ToManifest(Options)).ToEquatableArray() };
    }

    private HeldOutImages HeldOut => _heldOut ??= new(_context.Model, _context.Program, Options, _context.Device,
        share => _context.Report("held-out trajectories", share * DrawingWork), _context.Cancellation);

    // FP32 and one quantized network on the same state.
    private double StateWork => WorkShares.Halves(Options) + WorkShares.Measured;

    private CalibrationManifest Build(int[] bits, CorrectionPlan plan) =>
        _run.Manifest(_run.Own(_run.Widths[0]), Steps(bits, plan), plan, _policy);

    private int[] Allocate()
    {
        int count = Options.Evaluations;
        if (Options.Activations != ActivationWidth.Mixed) return [.. Enumerable.Repeat(_run.Widths[0], count)];
        int[] preset = BitAllocation.Preset(count, Options.PresetShare);
        return Options.Policy switch
        {
            BitPolicy.Preset => preset,
            BitPolicy.Rule => BitAllocation.Rule([.. Enumerable.Range(0, count).Select(s => _run.Noise(_run.Own(4)).Fit(s).NormRatio)],
                _context.Model.Scheduler.AlphaBars(_context.Run) ?? throw new ArgumentException($"The policy 'rule' needs the trained levels, which the scheduler {_context.Run.Identity.Family} has not. Use 'preset' or 'budget'."), Options.RuleMargin),
            _ => Budget(preset),
        };
    }

    /// <summary>The best allocation for measured costs at the preset's price, confirmed in closed loop against the preset.</summary>
    private int[] Budget(int[] preset)
    {
        Network network = _run.Quantized.Network;
        if (_allowed is { } allowed) return Cheapest(NetworkCost.MultiplyAccumulates(network) * 1024.0 * Options.Evaluations / allowed);

        var plan = new CorrectionPlan(MeanCorrectionKind.Divide, true, false);
        InterpretedStep[][] steps = [.. _run.Widths.Select(width => Steps([.. Enumerable.Repeat(width, Options.Evaluations)], plan)
            .Select(s => s.Parameters(plan)).ToArray())];
        using (ReferenceTrajectories reference = _context.Reference())
        using (NetworkEvaluator quantized = _run.Evaluator(_run.Own(_run.Widths[0])))
        {
            _costs = BudgetCosts.Measure(reference, quantized, steps, Options, _context.Model.NoCondition, _checkpoint,
                work => _context.Report(CostPhase, work * WorkShares.GuidedHalves(Options) / Options.Evaluations), work => _context.Resume(CostPhase, work * WorkShares.GuidedHalves(Options) / Options.Evaluations), _context.Cancellation);
        }

        int[] budget = Cheapest(NetworkCost.BitOperationsSaved(network, preset));
        if (budget.AsSpan().SequenceEqual(preset)) return preset;
        double[] ours = HeldOut.ErrorsDb(HeldOut.Draw(Build(budget, plan), _run.Tensors)), theirs = HeldOut.ErrorsDb(HeldOut.Draw(Build(preset, plan), _run.Tensors));
        Interval change = HeldOutImages.Change(ours, theirs, [.. Enumerable.Range(0, ours.Length)], Options.Seed);
        bool better = change.High < 0;
        _findings.Add(new BudgetAgainstPreset(change, ours.Length, better));
        if (better) return budget;
        _policy = nameof(BitPolicy.Preset).ToLowerInvariant();
        return preset;
    }

    /// <summary>The allocation that saves so many times the bit operations and has 4 bits where they are known to cost least.</summary>
    private int[] Cheapest(double saved)
    {
        Network network = _run.Quantized.Network;
        int[] bits = BitAllocation.Budget([.. Enumerable.Range(0, Options.Evaluations).Select(step => _costs!.Gain(step, Options.Seed).High)], BitAllocation.EightBitSteps(
            NetworkCost.MultiplyAccumulates(network) * 1024.0, NetworkCost.BitOperations(network, 4), NetworkCost.BitOperations(network, 8), Options.Evaluations, saved));
        _findings.Add(new BudgetAllocated([.. Enumerable.Range(0, bits.Length).Where(s => bits[s] == 4)], BudgetCosts.Images(Options)));
        return bits;
    }

    private StepDecision[] Steps(int[] bits, CorrectionPlan plan)
    {
        StepDecision[] steps = _run.Steps(bits.Select(_run.Own));
        if (!plan.Variance || !_context.InjectsNoise) return steps;
        string key = $"{string.Join(' ', bits)} {plan.Mean} {plan.ClampK}";
        if (!_measured.TryGetValue(key, out StepDecision[]? measured))
            _measured.Add(key, measured = AddedVariance.Measure(_run, [(steps, plan, _run.Own(_run.Widths[0]))])[0]);
        return [.. steps.Select((s, i) => s with { ErrorGain = measured[i].ErrorGain, Learned = measured[i].Learned })];
    }

    /// <summary>The variance of the steps on held-out FP32 states.</summary>
    private StepVariance MeasureVariance(StepDecision[] steps, CorrectionPlan plan)
    {
        var variance = new StepVariance(steps, plan, StepMean.NeedsAll(_context.Program), _context.Model.Channels, _context.Model.NoCondition);
        using ReferenceTrajectories reference = _context.Reference();
        using NetworkEvaluator quantized = _run.Evaluator(_run.Own(_run.Widths[0]));
        int images = HeldOutImages.Count(Options);
        for (int first = 0; first < images; first += ReferenceTrajectories.UnitImages)
        {
            int count = Math.Min(ReferenceTrajectories.UnitImages, images - first);
            foreach (TrajectoryState state in reference.Run(Options.Trajectories + first, count, cancellation: _context.Cancellation))
            {
                variance.Add(state, quantized, _context.Cancellation);
                _context.Report("variance of the steps", StateWork * count / ReferenceTrajectories.UnitImages / Options.Evaluations);
            }
        }

        return variance;
    }

    private void FindNoise(StepDecision[] steps)
    {
        NoiseFit[] fits = [.. steps.Select(s => s.Fit())];
        _findings.Add(new PredictionNoise(fits.Min(f => f.SnrDb), fits.Max(f => f.SnrDb), fits.Min(f => f.K), fits.Max(f => f.K), fits.Max(f => f.RSquared)));
        int[] lost = [.. Enumerable.Range(0, fits.Length).Where(i => fits[i].K < MeanCorrection.SmallestDivisor - 1)];
        if (lost.Length > 0) _findings.Add(new PredictionLost(lost, lost.Min(i => fits[i].K)));
    }

    private void FindTroubles(StepDecision[] steps, CorrectionPlan plan)
    {
        for (int i = 0; i < steps.Length; i++)
        {
            foreach (double guidance in Options.Guided ? new[] { 1, Options.GuidanceMinimum, Options.GuidanceMaximum }.Distinct() : [1])
            {
                NoiseFit fit = NoiseFit.Of(steps[i].Moments, guidance);
                if (MeanCorrection.Of(plan.Mean, fit, plan.ClampK).Fallback is not MeanFallback.None and var reason)
                    _findings.Add(new MeanLeftAlone(i, steps[i].Evaluation.Timestep, guidance, fit.K, reason));
            }
        }

        StepDecision[] large = [.. steps.Where(s => s.Evaluation.InjectsNoise && s.Variance(plan).Unabsorbed > 0)];
        if (large.Length > 0) _findings.Add(new VarianceNotAbsorbed([.. large.Select(s => s.Evaluation.Timestep.Value)]));
        _findings.AddRange(RangeFindings.Of([.. _run.Quantized.Sources.Select(s => s.Map)], [.. Enumerable.Range(0, _run.Quantized.Sources.Count).Select(slot =>
            steps.Select((s, i) => _run.Ranges(_run.Own(s.Bits))[i][slot]).ToArray())]));
    }
}
