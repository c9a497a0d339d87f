using Specializer.Manifest;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>One calibration: its phases in order, each of which uses what the earlier ones found.</summary>
internal sealed class CalibrationRun
{
    // Images on which the gain of an error through the clipping is measured; a second-order quantity that needs few.
    private const int ClippingUnits = 4;

    private readonly ImportedModel _model;
    private readonly Scheduler _scheduler;
    private readonly CalibrationOptions _options;
    private readonly Device _device;
    private readonly int _threads;
    private readonly IProgress<CalibrationProgress>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly QuantizedNetwork _quantized;
    private readonly int[] _widths;
    private readonly int _units;
    private double _done;
    private ActivationCollector? _activations;
    private NoiseCollector[] _noise = [];
    private Quantization[][][] _quantizations = []; // [width][step][quantized map]

    public CalibrationRun(ImportedModel model, Scheduler scheduler, CalibrationOptions options, Device device, int threads,
        IProgress<CalibrationProgress>? progress, CancellationToken cancellation)
    {
        (_model, _scheduler, _options, _device, _threads, _progress, _cancellation) = (model, scheduler, options, device, threads, progress, cancellation);
        _quantized = QuantizedNetwork.Of(model.Network, options.WeightBits, options.Skip);
        _widths = options.Activations switch { ActivationWidth.Four => [4], ActivationWidth.Eight => [8], _ => [4, 8] };
        _units = (options.Trajectories + ReferenceTrajectories.UnitImages - 1) / ReferenceTrajectories.UnitImages;
    }

    /// <summary>The weights file's tensors, after <see cref="QuantizeWeights"/>.</summary>
    public QuantizedTensors Tensors { get; private set; } = null!;

    private float[] Timesteps => [.. _scheduler.Steps.Select(s => (float)s.Timestep)];

    /// <summary>Phase 1: ranges and input moments along FP32 trajectories.</summary>
    public void CollectActivations()
    {
        using var reference = new ReferenceTrajectories(_model, _scheduler, _options, _device);
        _activations = new ActivationCollector(reference.Interpreter, _quantized, _options, _threads);
        for (int unit = 0; unit < _units; unit++)
        {
            foreach (TrajectoryState _ in reference.Run(unit, _activations.Observe, _cancellation)) Report("FP32 activations", 1.0 / _options.Steps);
        }
    }

    /// <summary>Phase 2: integers for the weights.</summary>
    public void QuantizeWeights() =>
        Tensors = new(_model, Timesteps, _quantized.Network, _activations!.Moments, _threads, _cancellation);

    /// <summary>Phase 3: noise of each bit width, teacher-forced.</summary>
    public void CollectNoise()
    {
        using var reference = new ReferenceTrajectories(_model, _scheduler, _options, _device);
        using NetworkEvaluator quantized = Evaluator();
        _quantizations = [.. _widths.Select(Quantizations)];
        _noise = [.. _widths.Select((bits, width) => new NoiseCollector(bits, _quantizations[width], _model.Channels, _options))];
        for (int unit = 0; unit < _units; unit++)
        {
            foreach (TrajectoryState state in reference.Run(unit, cancellation: _cancellation))
            {
                foreach (NoiseCollector noise in _noise) noise.Add(state, quantized, _model.NullLabel, _cancellation);
                Report("quantization noise", (1.0 + _widths.Length) / _options.Steps);
            }
        }
    }

    /// <summary>Phase 4: bits, corrections and the manifest.</summary>
    public CalibrationManifest Decide()
    {
        int[] bits = Allocate();
        StepDecision[] steps = [.. bits.Select((b, step) =>
        {
            int width = Array.IndexOf(_widths, b);
            return new StepDecision(
                _scheduler.Steps[step], _scheduler.Coefficients(step), b, _quantizations[width][step], _noise[width].Moments(step), Math.Abs(_scheduler.Steps[step].Lambda));
        })];
        var plan = new CorrectionPlan(
            _options.MeanCorrection switch { MeanCorrectionChoice.Mmse => MeanCorrectionKind.Mmse, MeanCorrectionChoice.Off => MeanCorrectionKind.Off, _ => MeanCorrectionKind.Divide },
            ClampK: true, Variance: _options.VarianceCorrection != VarianceCorrectionChoice.Off);
        if (_scheduler.Configuration.ClipSample) steps = MeasureClipping(steps, plan);
        string policy = _options.Activations == ActivationWidth.Mixed ? _options.Policy.ToString().ToLowerInvariant() : "uniform";
        return ManifestBuilder.Build(_model, _scheduler, _options, _quantized.Network, steps, plan, policy);
    }

    private int[] Allocate() => _options.Activations switch
    {
        ActivationWidth.Four => [.. Enumerable.Repeat(4, _options.Steps)],
        ActivationWidth.Eight => [.. Enumerable.Repeat(8, _options.Steps)],
        _ => _options.Policy switch
        {
            BitPolicy.Rule => BitAllocation.Rule(
                [.. Enumerable.Range(0, _options.Steps).Select(s => NoiseFit.Of(_noise[0].Moments(s), _options.Guidance).NormRatio)],
                [.. _scheduler.Steps.Select(s => s.AlphaBar)], _options.RuleMargin),
            BitPolicy.Preset => BitAllocation.Preset(_options.Steps, _options.PresetShare),
            _ => throw new NotSupportedException("The policy 'budget' is not built yet; use 'preset' or 'rule'."),
        },
    };

    /// <summary>With clipping a step is not linear in ε: its gain of an error is measured, with the corrected prediction on FP32 states.</summary>
    private StepDecision[] MeasureClipping(StepDecision[] steps, CorrectionPlan plan)
    {
        var moments = steps.Select(_ => new JointMoments(_model.Channels, 2)).ToArray();
        var corrections = steps.Select(s => MeanCorrection.Of(plan.Mean, s.Fit(_options), plan.ClampK)).ToArray();
        var parameters = steps.Select((s, i) => new InterpretedStep
        {
            Quantizations = s.Quantizations, Gain = (float)corrections[i].Gain, Offset = Array.ConvertAll(corrections[i].Offset, o => (float)o),
        }).ToArray();
        using var reference = new ReferenceTrajectories(_model, _scheduler, _options, _device);
        using NetworkEvaluator quantized = Evaluator();
        for (int unit = 0; unit < Math.Min(_units, ClippingUnits); unit++)
        {
            foreach (TrajectoryState state in reference.Run(unit, cancellation: _cancellation))
            {
                if (steps[state.Step].Solver.Sigma == 0) continue;
                var corrected = new float[state.X.Length];
                quantized.Evaluate(state.Step, parameters[state.Step], state.X, state.Labels, corrected, null, _cancellation);
                int elements = state.X.Length / state.Images;
                for (int i = 0; i < state.Images; i++)
                {
                    Range image = (i * elements)..((i + 1) * elements);
                    moments[state.Step].Merge(ClippedStep.Moments(
                        state.X.AsSpan(image), state.Conditional.AsSpan(image), corrected.AsSpan(image), steps[state.Step].Coefficients, _model.Channels));
                }

                Report("clipping", 2.0 / _options.Steps);
            }
        }

        return [.. steps.Select((s, i) =>
        {
            double remaining = corrections[i].RemainingVariance;
            return s.Solver.Sigma == 0 || !(remaining > 0) ? s : s with { ErrorGain = Math.Sqrt(ClippedStep.AddedVariance(moments[i]) / remaining) };
        })];
    }

    private Quantization[][] Quantizations(int bits)
    {
        var all = new Quantization[_options.Steps][];
        Parallel.For(0, _options.Steps, new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = _cancellation }, step =>
            all[step] = [.. _quantized.Sources.Select((source, slot) =>
            {
                int levels = bits == 4 && !_quantized.Widened[slot] ? 15 : 255;
                ActivationRange range = ActivationSearch.Minimize(_activations!.Histogram(step, source), levels);
                return new Quantization(range.Scale, range.ZeroPoint, levels);
            })]);
        return all;
    }

    private NetworkEvaluator Evaluator() =>
        new(_quantized.Network, _options.Steps, Tensors.Bytes, _device, ReferenceTrajectories.UnitImages);

    private void Report(string phase, double work)
    {
        _done += work;
        int clipping = _scheduler.Configuration.ClipSample ? 2 * Math.Min(_units, ClippingUnits) : 0;
        _progress?.Report(new(phase, _done, _units * (2.0 + _widths.Length) + clipping));
    }
}
