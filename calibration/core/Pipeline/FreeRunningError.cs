using System.Runtime.InteropServices;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What becomes of quantization noise in a trajectory that goes its own way: the error of its state after each step, against FP32 from the same noise.</summary>
internal sealed class FreeRunningError
{
    private readonly InterpretedStep[] _steps;
    private readonly ReplicatedMoments[] _moments;
    private readonly CalibrationOptions _options;
    private readonly NoCondition _none;
    private readonly SolverProgram _program;
    private readonly int _channels, _elements;
    private ProgramInterpreter? _solver;
    // Steps that the solver has taken of a unit; 0 between two.
    private int _taken;
    // Its registers, of a unit that an earlier run began.
    private (Register Register, float[] Values)[] _left = [];

    /// <param name="quantizations">Per step the parameters of every quantized map.</param>
    /// <param name="model">The model.</param>
    /// <param name="program">Of the solver.</param>
    /// <param name="options">Of the calibration.</param>
    public FreeRunningError(Quantization[][] quantizations, ImportedModel model, SolverProgram program, CalibrationOptions options)
    {
        (_program, _options, _none, _channels, _elements) = (program, options, model.NoCondition, model.Channels, model.Height * model.Width * model.Channels);
        _steps = [.. quantizations.Select(q => new InterpretedStep { Quantizations = q })];
        _moments = [.. _steps.Select(_ => new ReplicatedMoments(_channels, 2, options.RangeTrajectories, options.Seed))];
    }

    /// <summary>Bytes that the errors of all steps take at most.</summary>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="options">Of the calibration.</param>
    public static long Bytes(int channels, CalibrationOptions options) => options.Evaluations * ReplicatedMoments.Bytes(channels, 2, ReferenceTrajectories.UnitsOf(options.RangeTrajectories));

    /// <summary>‖x‖/‖x̂ − x‖ after a step, dB.</summary>
    public Interval SnrDb(int step) => _moments[step].Interval(m => NoiseFit.Of(m).SnrDb);

    /// <summary>Takes the same step as FP32 does; a unit's first step begins at FP32's state.</summary>
    /// <param name="state">FP32's state before the step.</param>
    /// <param name="next">FP32's state after it.</param>
    /// <param name="quantized">Evaluates the quantized network.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public void Add(TrajectoryState state, ReadOnlySpan<float> next, NetworkEvaluator quantized, CancellationToken cancellation)
    {
        if (state.Step == 0 || _solver is null) _solver = Begin(state.Solver);
        float[] x = new float[next.Length];
        _solver.Input(state.Step, x);
        float[] prediction = GuidedPrediction.Evaluate(quantized, state.Step, _steps[state.Step], x, state.Labels, _options.Guidance, _none, cancellation);
        _solver.Advance(state.Step, prediction, quantized.Variance);
        var moments = new JointMoments[state.Images];
        for (int i = 0; i < moments.Length; i++) moments[i] = JointMoments.Of(next.Slice(i * _elements, _elements), _solver.State.Slice(i * _elements, _elements), _channels);
        _moments[state.Step].Add(state.FirstImage, moments);
        _taken = (state.Step + 1) % _steps.Length;
    }

    /// <summary>Adds the errors of the units that follow.</summary>
    public void Merge(FreeRunningError following)
    {
        for (int step = 0; step < _moments.Length; step++) _moments[step].Merge(following._moments[step]);
    }

    /// <summary>Writes the state on its way.</summary>
    public void Write(BinaryWriter writer)
    {
        foreach (Register register in Kept()) writer.Write(MemoryMarshal.AsBytes(_solver![register]));
    }

    /// <summary>Writes the errors after a step.</summary>
    public void WriteStep(int step, BinaryWriter writer) => _moments[step].Write(writer);

    /// <summary>Reads what <see cref="WriteStep"/> wrote.</summary>
    /// <param name="step">The step.</param>
    /// <param name="reader">Where it stands.</param>
    /// <param name="range">Units that it is of.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void ReadStep(int step, BinaryReader reader, UnitRange range) => _moments[step].Read(reader, range.First, range.End, _elements / _channels);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="end">Unit after the last that it is of.</param>
    /// <param name="steps">First steps of that unit, which it is of, too.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void Read(BinaryReader reader, int end, int steps)
    {
        int images = Math.Min(ReferenceTrajectories.UnitImages, _options.RangeTrajectories - end * ReferenceTrajectories.UnitImages);
        _taken = steps;
        _left = [.. Kept().Select(register => (register, new float[images * _elements]))];
        foreach (var (_, values) in _left)
        {
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            if (!Array.TrueForAll(values, float.IsFinite)) throw new InvalidDataException("a state on its way is not finite");
        }
    }

    /// <summary>What the solver keeps for the steps that are left of a unit.</summary>
    private IEnumerable<Register> Kept() => _taken == 0 ? [] : _program.Begin.Concat(_program.Evaluations.Take(_taken).SelectMany(e => e.Statements)).Select(s => s.Target).Where(r => r.IsKept).Distinct();

    private ProgramInterpreter Begin(ProgramInterpreter reference)
    {
        ProgramInterpreter solver = reference.Branch();
        foreach (var (register, values) in _left) values.CopyTo(solver[register]);
        _left = [];
        return solver;
    }
}
