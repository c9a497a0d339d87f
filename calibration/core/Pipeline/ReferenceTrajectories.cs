using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A unit's states and FP32 predictions at one evaluation. The arrays are reused for the next one.</summary>
/// <param name="Step">Index of the evaluation.</param>
/// <param name="FirstImage">Index of the unit's first image.</param>
/// <param name="Images">Images in the unit.</param>
/// <param name="Solver">The solver before the step: the states, and what it keeps of former steps.</param>
/// <param name="X">What the network reads: the states, scaled as the solver says, NHWC.</param>
/// <param name="Conditional">ε with each image's condition.</param>
/// <param name="Unconditional">ε with the condition that means "none"; empty when guidance is not calibrated.</param>
/// <param name="Prediction">ε with the guidance that is compiled in: what the step is taken with.</param>
/// <param name="Labels">Numbers of the images' conditions; empty for an unconditional model.</param>
internal sealed record TrajectoryState(int Step, long FirstImage, int Images, ProgramInterpreter Solver, float[] X, float[] Conditional, float[] Unconditional, float[] Prediction, int[] Labels)
{
    /// <summary>What FP32 says of the variance; empty where it says nothing.</summary>
    public float[] Variance { get; init; } = [];
}

/// <summary>Told after an operation of the FP32 network has run for some images of the unit.</summary>
/// <param name="step">Index of the step.</param>
/// <param name="firstImage">Index of the unit's first image; of this batch it is <see cref="IReferenceMaps.First"/> more.</param>
/// <param name="unconditional">True for the half with the condition that means "none".</param>
/// <param name="operation">What has run.</param>
/// <param name="maps">What they hold.</param>
internal delegate void ReferenceObserver(int step, long firstImage, bool unconditional, Operation operation, IReferenceMaps maps);

/// <summary>FP32 trajectories with Philox noise, keyed like those of a sampler: image i of seed s here is image i of a sampler's run with that seed.</summary>
/// <remarks>Work is cut into units of a fixed number of images, so that nothing depends on the batch size, and any unit can be done again.</remarks>
internal sealed class ReferenceTrajectories : IDisposable
{
    /// <summary>Images of a unit.</summary>
    public const int UnitImages = 16;

    private readonly ImportedModel _model;
    private readonly SolverProgram _program;
    private readonly CalibrationOptions _options;
    private readonly Func<IReferenceNetwork> _open;
    private readonly int _elements;
    private IReferenceNetwork? _network;

    /// <summary>On a network of their own.</summary>
    public ReferenceTrajectories(ImportedModel model, SolverProgram program, CalibrationOptions options, Device device)
        : this(model, program, options, () => Create(model, [.. program.Evaluations.Select(e => e.Timestep.Single)], options, device))
    {
    }

    /// <param name="model">The model.</param>
    /// <param name="program">The solver.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="open">Gives the FP32 network, when it is needed; disposed of with the trajectories.</param>
    public ReferenceTrajectories(ImportedModel model, SolverProgram program, CalibrationOptions options, Func<IReferenceNetwork> open)
    {
        (_model, _program, _options, _open) = (model, program, options, open);
        _elements = model.Height * model.Width * model.Channels;
    }

    /// <summary>Predictions that need not be computed again; null where none are kept.</summary>
    public KeptPredictions? Kept { get; init; }

    /// <summary>Makes the FP32 network of a calibration.</summary>
    /// <param name="model">The model.</param>
    /// <param name="timesteps">One row of the embedding's table for each.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="device">Stays the caller's.</param>
    public static IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, CalibrationOptions options, Device device) =>
        (options.Engine ?? new InterpreterEngine(device)).Create(model, timesteps, CapacityOf(model.Network, options));

    /// <summary>Images of a unit that are evaluated at once: nothing depends on it but memory.</summary>
    /// <param name="network">FP32 or quantized.</param>
    /// <param name="options">Of the calibration.</param>
    public static int CapacityOf(Network network, CalibrationOptions options) => Float32Sampler.Capacity(network, Math.Min(UnitImages, options.Trajectories));

    /// <summary>Units that hold so many trajectories.</summary>
    public static int UnitsOf(int trajectories) => (trajectories + UnitImages - 1) / UnitImages;

    /// <summary>Runs a unit of the calibration: see the other form.</summary>
    public IEnumerable<TrajectoryState> Run(int unit, ReferenceObserver? observer = null, int from = 0, CancellationToken cancellation = default) =>
        Run((long)unit * UnitImages, Math.Min(UnitImages, _options.Trajectories - unit * UnitImages), observer, from, cancellation);

    /// <summary>Runs up to <see cref="UnitImages"/> images from noise, one state per step; the trajectory advances when the next is asked for.</summary>
    /// <param name="firstImage">Index of the first image.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="observer">Told after each operation.</param>
    /// <param name="from">The first step to show; those before it are taken by what is kept, or else evaluated again.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public IEnumerable<TrajectoryState> Run(long firstImage, int images, ReferenceObserver? observer = null, int from = 0, CancellationToken cancellation = default)
    {
        int[] labels = TrajectoryLabels.Of(_model, _options.Seed, firstImage, images), none = None(labels);
        float[] x = new float[images * _elements], conditional = new float[x.Length], unconditional = _options.Guided ? new float[x.Length] : [];
        float[] prediction = _options.Guidance == 1 ? conditional : new float[x.Length];
        ProgramInterpreter solver = Begin(firstImage, images);
        for (int step = 0; step < _program.Evaluations.Count; step++)
        {
            solver.Input(step, x);
            float[]? variance = observer is null || step < from ? Kept?.Find(firstImage, images, step, conditional, unconditional) : null;
            if (variance is null)
            {
                variance = Evaluate(step, x, labels, conditional, Observer(step, false), cancellation);
                if (_options.Guided) Evaluate(step, x, none, unconditional, Observer(step, true), cancellation);
                Kept?.Add(firstImage, images, step, conditional, unconditional, variance);
            }

            if (prediction != conditional)
            {
                conditional.CopyTo(prediction, 0);
                GuidedPrediction.Combine(prediction, unconditional, _options.Guidance);
            }

            if (step >= from) yield return new(step, firstImage, images, solver, x, conditional, unconditional, prediction, labels) { Variance = variance };
            solver.Advance(step, prediction, variance);
        }

        ReferenceOperationObserver? Observer(int step, bool half) => observer is null || step < from ? null : (operation, maps) => observer(step, firstImage, half, operation, maps);
    }

    /// <summary>The final images of a unit.</summary>
    /// <param name="firstImage">Index of the first image.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="cancellation">Acts within a step.</param>
    /// <param name="visit">Told after each evaluation; not where predictions are kept.</param>
    public float[] Finals(long firstImage, int images, CancellationToken cancellation, Action? visit = null)
    {
        ProgramInterpreter solver = Begin(firstImage, images);
        if (Kept?.Has(firstImage, images) == true)
        {
            foreach (TrajectoryState state in Run(firstImage, images, cancellation: cancellation)) solver = state.Solver;
            solver.End();
        }
        else
        {
            Finish(0, firstImage, images, solver, cancellation, visit);
        }

        return solver.State.ToArray();
    }

    /// <summary>Takes the remaining steps, whose states become the final images.</summary>
    /// <param name="step">First evaluation that is left.</param>
    /// <param name="firstImage">Index of the first image; the images repeat when there are several states for each.</param>
    /// <param name="images">Number of images.</param>
    /// <param name="solver">Of a multiple of <paramref name="images"/> states.</param>
    /// <param name="cancellation">Acts within a step.</param>
    /// <param name="visit">Told after each evaluation.</param>
    public void Finish(int step, long firstImage, int images, ProgramInterpreter solver, CancellationToken cancellation, Action? visit = null)
    {
        int[] once = TrajectoryLabels.Of(_model, _options.Seed, firstImage, images), labels = once.Length == 0 ? [] : [.. Enumerable.Range(0, solver.Pictures).Select(i => once[i % images])];
        bool guided = _options.Guidance != 1;
        float[] x = new float[solver.Pictures * _elements], conditional = new float[x.Length], unconditional = guided ? new float[x.Length] : [];
        for (; step < _program.Evaluations.Count; step++)
        {
            solver.Input(step, x);
            float[] variance = Evaluate(step, x, labels, conditional, null, cancellation);
            if (guided) Evaluate(step, x, None(labels), unconditional, null, cancellation);
            GuidedPrediction.Combine(conditional, unconditional, _options.Guidance);
            solver.Advance(step, conditional, variance);
            visit?.Invoke();
        }

        solver.End();
    }

    private ProgramInterpreter Begin(long firstImage, int images)
    {
        var solver = new ProgramInterpreter(_program, images, _elements, ProgramInterpreter.Seeded(_options.Seed, firstImage, images));
        solver.Begin();
        return solver;
    }

    /// <returns>What the network says of the variance; empty where it says nothing.</returns>
    private float[] Evaluate(int step, float[] x, int[] labels, float[] epsilon, ReferenceOperationObserver? observer, CancellationToken cancellation)
    {
        // Not before it is needed: a large network's weights are most of the memory.
        _network ??= _open();
        foreach (string input in _model.Contexts?.Inputs ?? []) _network.Give(input, _model.Contexts!.Of(input, labels));
        var variance = new VarianceReader(_model.Network, x.Length / _elements, _elements, observer);
        _network.Evaluate(step, x, _model.Contexts?.LabelsOf(labels) ?? labels, epsilon, variance.Observer, cancellation);
        return variance.Values;
    }

    private int[] None(int[] labels) => _model.NoCondition.Of(labels);

    /// <inheritdoc/>
    public void Dispose() => _network?.Dispose();
}
