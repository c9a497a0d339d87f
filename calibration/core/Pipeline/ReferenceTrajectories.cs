using Specializer.Kernels;
using Specializer.Numerics;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>A unit's states and FP32 predictions at one step. The arrays are reused for the next step.</summary>
/// <param name="Step">Index of the step.</param>
/// <param name="FirstImage">Index of the unit's first image.</param>
/// <param name="Images">Images in the unit.</param>
/// <param name="X">States, NHWC.</param>
/// <param name="Conditional">ε with each image's condition.</param>
/// <param name="Unconditional">ε with the condition that means "none"; empty when guidance is not calibrated.</param>
/// <param name="Prediction">ε with the guidance that is compiled in: what the step is taken with.</param>
/// <param name="Labels">Numbers of the images' conditions; empty for an unconditional model.</param>
internal sealed record TrajectoryState(int Step, long FirstImage, int Images, float[] X, float[] Conditional, float[] Unconditional, float[] Prediction, int[] Labels);

/// <summary>Told after an operation of the FP32 network has run for some images of the unit.</summary>
/// <param name="step">Index of the step.</param>
/// <param name="firstImage">Index of the first image of this batch.</param>
/// <param name="unconditional">True for the half with the condition that means "none".</param>
/// <param name="operation">What has run.</param>
/// <param name="maps">What they hold.</param>
internal delegate void ReferenceObserver(int step, long firstImage, bool unconditional, Manifest.Operation operation, IReferenceMaps maps);

/// <summary>FP32 trajectories with Philox noise, keyed like those of a sampler: image i of seed s here is image i of a sampler's run with that seed.</summary>
/// <remarks>Work is cut into units of a fixed number of images, so that nothing depends on the batch size, and any unit can be done again.</remarks>
internal sealed class ReferenceTrajectories : IDisposable
{
    /// <summary>Images of a unit.</summary>
    public const int UnitImages = 16;

    private readonly ImportedModel _model;
    private readonly Scheduler _scheduler;
    private readonly CalibrationOptions _options;
    private readonly IReferenceNetwork _network;
    private readonly int _elements;

    public ReferenceTrajectories(ImportedModel model, Scheduler scheduler, CalibrationOptions options, Device device)
    {
        (_model, _scheduler, _options) = (model, scheduler, options);
        _elements = model.Height * model.Width * model.Channels;
        _network = (options.Engine ?? new InterpreterEngine(device)).Create(model, [.. scheduler.Steps.Select(s => (float)s.Timestep)], UnitImages);
    }

    /// <summary>The FP32 network.</summary>
    public Manifest.Network Network => _model.Network;

    /// <summary>Units that hold so many trajectories.</summary>
    public static int UnitsOf(int trajectories) => (trajectories + UnitImages - 1) / UnitImages;

    /// <summary>Runs a unit of the calibration: see the other form.</summary>
    public IEnumerable<TrajectoryState> Run(int unit, ReferenceObserver? observer = null, CancellationToken cancellation = default) =>
        Run((long)unit * UnitImages, Math.Min(UnitImages, _options.Trajectories - unit * UnitImages), observer, cancellation);

    /// <summary>Runs up to <see cref="UnitImages"/> images from noise, one state per step; the trajectory advances when the next is asked for.</summary>
    /// <param name="firstImage">Index of the first image.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="observer">Told after each operation.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public IEnumerable<TrajectoryState> Run(long firstImage, int images, ReferenceObserver? observer = null, CancellationToken cancellation = default)
    {
        int elements = _elements;
        int[] labels = TrajectoryLabels.Of(_model, _options.Seed, firstImage, images), none = None(labels);
        float[] x = new float[images * elements], conditional = new float[x.Length], unconditional = _options.Guided ? new float[x.Length] : [];
        float[] prediction = _options.Guidance == 1 ? conditional : new float[x.Length];
        for (int i = 0; i < images; i++)
            GaussianNoise.Fill(x.AsSpan(i * elements, elements), _options.Seed, firstImage + i, GaussianNoise.InitialState);
        for (int step = 0; step < _scheduler.Steps.Count; step++)
        {
            Evaluate(step, x, labels, conditional, Observer(step, false), cancellation);
            if (_options.Guided) Evaluate(step, x, none, unconditional, Observer(step, true), cancellation);
            if (prediction != conditional)
            {
                conditional.CopyTo(prediction, 0);
                GuidedPrediction.Combine(prediction, unconditional, _options.Guidance);
            }

            yield return new(step, firstImage, images, x, conditional, unconditional, prediction, labels);
            Advance(step, firstImage, images, x, prediction);
        }

        ReferenceOperationObserver? Observer(int step, bool half) => observer is null ? null : (operation, maps) => observer(step, firstImage, half, operation, maps);
    }

    /// <summary>The final images of a unit.</summary>
    public float[] Finals(long firstImage, int images, CancellationToken cancellation)
    {
        float[] x = [];
        // The state is advanced after its last use, so when the run has ended this is the final image.
        foreach (TrajectoryState state in Run(firstImage, images, cancellation: cancellation)) x = state.X;
        return x;
    }

    /// <summary>Takes the remaining steps from given states, which become the final images.</summary>
    /// <param name="step">First step to take.</param>
    /// <param name="firstImage">Index of the first image; the images repeat when there are several states for each.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="x">States, a multiple of <paramref name="images"/>.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public void Finish(int step, long firstImage, int images, float[] x, CancellationToken cancellation)
    {
        int states = x.Length / _elements;
        int[] once = TrajectoryLabels.Of(_model, _options.Seed, firstImage, images), labels = once.Length == 0 ? [] : [.. Enumerable.Range(0, states).Select(i => once[i % images])];
        bool guided = _options.Guidance != 1;
        float[] conditional = new float[x.Length], unconditional = guided ? new float[x.Length] : [];
        for (; step < _scheduler.Steps.Count; step++)
        {
            Evaluate(step, x, labels, conditional, null, cancellation);
            if (guided) Evaluate(step, x, None(labels), unconditional, null, cancellation);
            GuidedPrediction.Combine(conditional, unconditional, _options.Guidance);
            Advance(step, firstImage, images, x, conditional);
        }
    }

    /// <summary>The solver's step, as the runtime takes it.</summary>
    public void Advance(int step, long firstImage, int images, float[] x, float[] prediction)
    {
        SolverCoefficients c = _scheduler.Coefficients(step);
        float sigma = (float)_scheduler.Steps[step].Sigma;
        int elements = _elements;
        var noise = new float[elements];
        for (int i = 0; i < x.Length / elements; i++)
        {
            if (sigma != 0) GaussianNoise.Fill(noise, _options.Seed, firstImage + i % images, step);
            for (int e = 0, at = i * elements; e < elements; e++, at++)
                x[at] = SolverWork.Advance(c, x[at], prediction[at], sigma, noise[e]);
        }
    }

    private void Evaluate(int step, float[] x, int[] labels, float[] epsilon, ReferenceOperationObserver? observer, CancellationToken cancellation)
    {
        if (_model.Contexts is { } contexts) _network.Give(UNetImporter.Context, contexts.Of(labels));
        _network.Evaluate(step, x, _model.Contexts is null ? labels : [], epsilon, observer, cancellation);
    }

    private int[] None(int[] labels) => Array.ConvertAll(labels, _ => _model.NoCondition);

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();
}
