using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Schedulers;

namespace Specializer.Reporting;

/// <summary>A way to quantize, whose noise is measured.</summary>
/// <param name="WeightBits">4 or 8.</param>
/// <param name="Rounding">Of the weights.</param>
/// <param name="PerStep">Ranges of the activations at each step, or one for all steps.</param>
/// <param name="ActivationBits">Of what 4-bit weights meet.</param>
internal readonly record struct QuantizationVariant(int WeightBits, RoundingChoice Rounding, bool PerStep, int ActivationBits);

/// <summary>Calibrates all rows of an ablation together: one pass over FP32 trajectories for the ranges and moments of all, one for the noise of all,
/// one for what it does to the variance of the next state.</summary>
internal sealed class AblationCalibration
{
    private readonly ImportedModel _model;
    private readonly Scheduler _scheduler;
    private readonly CalibrationOptions _options;
    private readonly Device _device;
    private readonly int _threads;
    private readonly CancellationToken _cancellation;
    private readonly Action<string, double> _report;
    private readonly Dictionary<int, QuantizedNetwork> _networks;
    private readonly Dictionary<(int, RoundingChoice), QuantizedTensors> _tensors = [];
    private readonly Dictionary<QuantizationVariant, StepDecision[]> _steps = [];
    private readonly Dictionary<int, Quantization[][]> _learned = []; // [activation bits][step][map]
    private readonly Dictionary<(QuantizationVariant, CorrectionPlan), StepDecision[]> _corrected = [];

    /// <param name="model">The model.</param>
    /// <param name="scheduler">The run that the artefact was calibrated for.</param>
    /// <param name="options">The artefact's own, with the ablation's number of trajectories.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">For everything else.</param>
    /// <param name="report">Told phase and work done, in FP32 evaluations of one image.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public AblationCalibration(ImportedModel model, Scheduler scheduler, CalibrationOptions options, Device device, int threads,
        Action<string, double> report, CancellationToken cancellation)
    {
        (_model, _scheduler, _options, _device, _threads, _report, _cancellation) = (model, scheduler, options, device, threads, report, cancellation);
        _networks = ((int[])[4, 8]).ToDictionary(bits => bits, bits => QuantizedNetwork.Of(model.Network, bits, options.Skip, options.AttentionBits));
    }

    /// <summary>What learns rounding; needed for variants that are reconstructed. Trajectories run on this project's kernels all the same.</summary>
    public ReferenceEngine? Learner { get; init; }

    /// <summary>Work that a calibration reports.</summary>
    /// <param name="options">Of the calibration.</param>
    /// <param name="variants">How many are measured.</param>
    public static double Work(CalibrationOptions options, int variants) => (double)options.Trajectories * options.Steps * (3 + variants * QuantizedWork);

    /// <summary>A quantized evaluation beside one in FP32, roughly: for the time left only.</summary>
    public const double QuantizedWork = 0.3;

    /// <summary>Measures all variants.</summary>
    /// <param name="variants">Ways to quantize.</param>
    /// <param name="plans">Corrections of the variance, with the variant they correct.</param>
    public void Run(IReadOnlyList<QuantizationVariant> variants, IReadOnlyList<(QuantizationVariant Variant, CorrectionPlan Plan)> plans)
    {
        using var reference = new ReferenceTrajectories(_model, _scheduler, _options, _device);
        ActivationCollector activations = Activations(reference);
        foreach (var (bits, rounding) in variants.Select(v => (v.WeightBits, v.Rounding)).Distinct())
        {
            _tensors[(bits, rounding)] = new(_model, [.. _scheduler.Steps.Select(s => (float)s.Timestep)], _networks[bits].Network,
                rounding == RoundingChoice.Nearest ? _ => null : activations.Moments, _threads, _cancellation);
        }

        if (_tensors.TryGetValue((4, RoundingChoice.Reconstruct), out QuantizedTensors? start)) Learn(activations, start);
        Dictionary<(int, RoundingChoice), NetworkEvaluator> evaluators = [];
        try
        {
            foreach (var (key, tensors) in _tensors)
                evaluators.Add(key, new(_networks[key.Item1].Network, _options.Steps, tensors.Bytes, _device, ReferenceTrajectories.UnitImages));
            Noise(reference, activations, variants, v => evaluators[(v.WeightBits, v.Rounding)]);
            Added(reference, plans, v => evaluators[(v.WeightBits, v.Rounding)]);
        }
        finally
        {
            foreach (NetworkEvaluator evaluator in evaluators.Values) evaluator.Dispose();
        }
    }

    /// <summary>Weights of a variant.</summary>
    public QuantizedTensors Tensors(QuantizationVariant variant) => _tensors[(variant.WeightBits, variant.Rounding)];

    /// <summary>A variant's steps under a plan.</summary>
    public StepDecision[] Steps(QuantizationVariant variant, CorrectionPlan plan) => _corrected.GetValueOrDefault((variant, plan with { Variance = true })) ?? _steps[variant];

    /// <summary>The manifest of some steps, whose weights are those of <paramref name="variant"/>.</summary>
    /// <param name="variant">Gives network and weights.</param>
    /// <param name="steps">Of variants with the same weights; their bits may differ.</param>
    /// <param name="plan">Corrections.</param>
    /// <param name="policy">How the bits were chosen.</param>
    public CalibrationManifest Manifest(QuantizationVariant variant, IReadOnlyList<StepDecision> steps, CorrectionPlan plan, string policy) =>
        ManifestBuilder.Build(_model, _scheduler, _options, _networks[variant.WeightBits].Network, steps, plan, policy);

    private ActivationCollector Activations(ReferenceTrajectories reference)
    {
        // The sources of both widths are the same FP32 maps, and so are the convolutions' columns.
        var activations = new ActivationCollector(reference.Network, _networks[4], _options with { Rounding = RoundingChoice.Gptq }, _threads);
        activations.FixScales(reference, state => _report("FP32 activations", state.Images), _cancellation);
        for (int unit = 0; unit < reference.Units; unit++)
        {
            foreach (TrajectoryState state in reference.Run(unit, activations.Observe, _cancellation)) _report("FP32 activations", state.Images);
        }

        return activations;
    }

    private void Noise(ReferenceTrajectories reference, ActivationCollector activations, IReadOnlyList<QuantizationVariant> variants, Func<QuantizationVariant, NetworkEvaluator> evaluator)
    {
        var quantizations = variants.Select(v => Quantizations(activations, v)).ToArray();
        NoiseCollector[] noise = [.. variants.Select((_, i) => new NoiseCollector(quantizations[i], _model.Channels, _options))];
        for (int unit = 0; unit < reference.Units; unit++)
        {
            foreach (TrajectoryState state in reference.Run(unit, cancellation: _cancellation))
            {
                for (int i = 0; i < noise.Length; i++) noise[i].Add(state, evaluator(variants[i]), _model.NoCondition, _cancellation);
                _report("quantization noise", state.Images * (1 + noise.Length * QuantizedWork));
            }
        }

        for (int i = 0; i < noise.Length; i++)
        {
            _steps[variants[i]] = [.. _scheduler.Steps.Select((s, step) =>
                new StepDecision(s, _scheduler.Coefficients(step), variants[i].ActivationBits, quantizations[i][step], noise[i].Moments(step), Math.Abs(s.Lambda)) { Guidance = _options.Guidance })];
        }
    }

    private void Added(ReferenceTrajectories reference, IReadOnlyList<(QuantizationVariant Variant, CorrectionPlan Plan)> plans, Func<QuantizationVariant, NetworkEvaluator> evaluator)
    {
        if (_scheduler.Steps.All(s => s.Sigma == 0)) return;
        var keys = plans.Select(p => (p.Variant, Plan: p.Plan with { Variance = true })).Distinct().ToArray();
        AddedVariance[] gains = [.. keys.Select(p => new AddedVariance(_steps[p.Variant], p.Plan, _model.Channels, _model.NoCondition))];
        for (int unit = 0; unit < reference.Units; unit++)
        {
            foreach (TrajectoryState state in reference.Run(unit, cancellation: _cancellation))
            {
                for (int i = 0; i < gains.Length; i++) gains[i].Add(state, evaluator(keys[i].Variant), _cancellation);
                _report("added variance", state.Images);
            }
        }

        for (int i = 0; i < gains.Length; i++) _corrected[keys[i]] = gains[i].Steps;
    }

    /// <summary>Learns 4-bit weights, and the step sizes of both widths that they meet, from second-order rounding on.</summary>
    private void Learn(ActivationCollector activations, QuantizedTensors tensors)
    {
        int[] widths = [4, 8];
        ActivationRange[][][] ranges = [.. widths.Select(bits => Quantizations(activations, new(4, RoundingChoice.Gptq, true, bits))
            .Select(step => Array.ConvertAll(step, q => new ActivationRange(q.Scale, q.ZeroPoint, q.Levels, 0, 0, 0, false))).ToArray())];
        var context = new CalibrationContext(_model, _scheduler, _options with { Engine = Learner }, _device, _threads, new Phase(_report), _cancellation);
        new ReconstructionPhase(context, _networks[4], widths, null).Run(tensors, ranges);
        for (int i = 0; i < widths.Length; i++) _learned[widths[i]] = Array.ConvertAll(ranges[i], CalibrationRun.Quantizations);
    }

    private Quantization[][] Quantizations(ActivationCollector activations, QuantizationVariant variant)
    {
        if (variant.Rounding == RoundingChoice.Reconstruct) return _learned[variant.ActivationBits];
        QuantizedNetwork network = _networks[variant.WeightBits];
        var all = new Quantization[_options.Steps][];
        for (int step = 0; step < all.Length; step++) all[step] = new Quantization[network.Sources.Count];
        Parallel.For(0, network.Sources.Count, new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = _cancellation }, slot =>
        {
            int levels = variant.ActivationBits == 4 && !network.Widened[slot] ? 15 : 255;
            var whole = new ActivationHistogram();
            for (int step = 0; step < all.Length; step++)
            {
                ActivationHistogram histogram = activations.Histogram(step, network.Sources[slot]);
                if (variant.PerStep) all[step][slot] = Search(histogram, levels);
                else whole.Merge(histogram);
            }

            if (variant.PerStep) return;
            Quantization one = Search(whole, levels);
            foreach (Quantization[] step in all) step[slot] = one;
        });
        return all;

        static Quantization Search(ActivationHistogram histogram, int levels)
        {
            ActivationRange range = ActivationSearch.Minimize(histogram, levels);
            return new(range.Scale, range.ZeroPoint, levels);
        }
    }

    /// <summary>Tells what is being learned; its share of the work is not known.</summary>
    private sealed class Phase(Action<string, double> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value.Phase, 0);
    }
}
