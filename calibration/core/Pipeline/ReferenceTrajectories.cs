using Specializer.Kernels;
using Specializer.Numerics;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>A unit's states and FP32 predictions at one step. The arrays are reused for the next step.</summary>
/// <param name="Step">Index of the step.</param>
/// <param name="FirstImage">Index of the unit's first image.</param>
/// <param name="Images">Images in the unit.</param>
/// <param name="X">States, NHWC.</param>
/// <param name="Conditional">ε with each image's label.</param>
/// <param name="Unconditional">ε with the null label; empty when guidance is not calibrated.</param>
/// <param name="Labels">Of the images; empty for an unconditional model.</param>
internal sealed record TrajectoryState(int Step, long FirstImage, int Images, float[] X, float[] Conditional, float[] Unconditional, int[] Labels);

/// <summary>Told after an operation of the FP32 network has run for some images of the unit.</summary>
/// <param name="step">Index of the step.</param>
/// <param name="firstImage">Index of the first image of this batch.</param>
/// <param name="unconditional">True for the half with the null label.</param>
/// <param name="operation">What has run.</param>
/// <param name="run">Holds the maps.</param>
internal delegate void ReferenceObserver(int step, long firstImage, bool unconditional, Manifest.Operation operation, Execution run);

/// <summary>FP32 trajectories with Philox noise, keyed like those of a sampler: image i of seed s here is image i of a sampler's run with that seed.</summary>
/// <remarks>Work is cut into units of a fixed number of images, so that nothing depends on the batch size, and any unit can be done again.</remarks>
internal sealed class ReferenceTrajectories : IDisposable
{
    /// <summary>Images of a unit.</summary>
    public const int UnitImages = 16;

    private readonly ImportedModel _model;
    private readonly Scheduler _scheduler;
    private readonly CalibrationOptions _options;
    private readonly NetworkEvaluator _evaluator;

    public ReferenceTrajectories(ImportedModel model, Scheduler scheduler, CalibrationOptions options, Device device)
    {
        (_model, _scheduler, _options) = (model, scheduler, options);
        _evaluator = new(model.Network, scheduler.Steps.Count, model.TensorBytes([.. scheduler.Steps.Select(s => (float)s.Timestep)]), device, UnitImages);
    }

    /// <summary>The FP32 network.</summary>
    public NetworkInterpreter Interpreter => _evaluator.Interpreter;

    /// <summary>Units of the calibration.</summary>
    public int Units => (_options.Trajectories + UnitImages - 1) / UnitImages;

    /// <summary>Labels cycle over all classes; empty for an unconditional model.</summary>
    public static int[] Labels(ImportedModel model, long firstImage, int count) =>
        model.Classes == 0 ? [] : [.. Enumerable.Range(0, count).Select(i => (int)((firstImage + i) % model.Classes))];

    /// <summary>Runs a unit, one state per step; the trajectory advances when the next is asked for.</summary>
    public IEnumerable<TrajectoryState> Run(int unit, ReferenceObserver? observer = null, CancellationToken cancellation = default)
    {
        long first = (long)unit * UnitImages;
        int images = (int)Math.Min(UnitImages, _options.Trajectories - first), elements = Interpreter.LatentElements;
        int[] labels = Labels(_model, first, images), none = new int[labels.Length];
        Array.Fill(none, Math.Max(0, _model.NullLabel));
        float[] x = new float[images * elements], conditional = new float[x.Length], unconditional = _options.Guided ? new float[x.Length] : [];
        for (int i = 0; i < images; i++)
            GaussianNoise.Fill(x.AsSpan(i * elements, elements), _options.Seed, first + i, GaussianNoise.InitialState);
        for (int step = 0; step < _scheduler.Steps.Count; step++)
        {
            Evaluate(step, first, x, labels, conditional, false);
            if (_options.Guided) Evaluate(step, first, x, none, unconditional, true);
            yield return new(step, first, images, x, conditional, unconditional, labels);
            Advance(step, first, images, x, conditional, unconditional);
        }

        void Evaluate(int step, long firstImage, float[] states, int[] withLabels, float[] epsilon, bool isUnconditional) =>
            _evaluator.Evaluate(step, InterpretedStep.Float32, states, withLabels, epsilon,
                observer is null ? null : (operation, run) => observer(step, firstImage, isUnconditional, operation, run), cancellation);
    }

    /// <summary>The solver's step with the calibrated guidance, as the runtime takes it.</summary>
    private void Advance(int step, long first, int images, float[] x, float[] conditional, float[] unconditional)
    {
        SolverCoefficients c = _scheduler.Coefficients(step);
        float sigma = (float)_scheduler.Steps[step].Sigma, g = (float)_options.Guidance;
        int elements = Interpreter.LatentElements;
        var noise = new float[elements];
        for (int i = 0; i < images; i++)
        {
            if (sigma != 0) GaussianNoise.Fill(noise, _options.Seed, first + i, step);
            for (int e = 0, at = i * elements; e < elements; e++, at++)
            {
                float epsilon = g == 1 ? conditional[at] : MathF.FusedMultiplyAdd(g, conditional[at], (1 - g) * unconditional[at]);
                x[at] = SolverWork.Advance(c, x[at], epsilon, sigma, noise[e]);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _evaluator.Dispose();
}
