namespace Specializer.Calibration;

/// <summary>What becomes of quantization noise in a trajectory that goes its own way: the error of its state after each step, against FP32 from the same noise.</summary>
internal sealed class FreeRunningError
{
    private readonly InterpretedStep[] _steps;
    private readonly ReplicatedMoments[] _moments;
    private readonly CalibrationOptions _options;
    private readonly NoCondition _none;
    private readonly int _channels;
    private ProgramInterpreter? _solver;

    /// <param name="quantizations">Per step the parameters of every quantized map.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">Of the calibration.</param>
    public FreeRunningError(Quantization[][] quantizations, ImportedModel model, CalibrationOptions options)
    {
        (_options, _none, _channels) = (options, model.NoCondition, model.Channels);
        _steps = [.. quantizations.Select(q => new InterpretedStep { Quantizations = q })];
        _moments = [.. _steps.Select(_ => new ReplicatedMoments(_channels, 2, options.RangeTrajectories, options.Seed))];
    }

    /// <summary>‖x‖/‖x̂ − x‖ after a step, dB.</summary>
    public Interval SnrDb(int step) => _moments[step].Interval(m => NoiseFit.Of(m).SnrDb);

    /// <summary>Takes the same step as FP32 does; a unit's first step begins at FP32's state.</summary>
    /// <param name="state">FP32's state before the step.</param>
    /// <param name="next">FP32's state after it.</param>
    /// <param name="quantized">Evaluates the quantized network.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public void Add(TrajectoryState state, ReadOnlySpan<float> next, NetworkEvaluator quantized, CancellationToken cancellation)
    {
        if (state.Step == 0 || _solver is null) _solver = state.Solver.Branch();
        float[] x = new float[next.Length];
        _solver.Input(state.Step, x);
        float[] prediction = GuidedPrediction.Evaluate(quantized, state.Step, _steps[state.Step], x, state.Labels, _options.Guidance, _none, cancellation);
        _solver.Advance(state.Step, prediction, quantized.Variance);
        int elements = x.Length / state.Images;
        var moments = new JointMoments[state.Images];
        for (int i = 0; i < moments.Length; i++) moments[i] = JointMoments.Of(next.Slice(i * elements, elements), _solver.State.Slice(i * elements, elements), _channels);
        _moments[state.Step].Add(state.FirstImage, moments);
    }

    /// <summary>Adds the errors of the units that follow.</summary>
    public void Merge(FreeRunningError following)
    {
        for (int step = 0; step < _moments.Length; step++) _moments[step].Merge(following._moments[step]);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer) => Array.ForEach(_moments, m => m.Write(writer));

    /// <summary>Reads a state that <see cref="Write"/> wrote between two units.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="first">First unit that it is of.</param>
    /// <param name="end">Unit after the last.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void Read(BinaryReader reader, int first, int end) => Array.ForEach(_moments, m => m.Read(reader, first, end));
}
