using Specializer.Kernels;
using Specializer.Manifest;
using Specializer.Numerics;

namespace Specializer.Calibration;

/// <summary>Fills a picture's unit noise.</summary>
/// <param name="noise">Result.</param>
/// <param name="picture">Which picture, from 0.</param>
/// <param name="draw">Which draw; see <see cref="DrawStatement"/>.</param>
internal delegate void NoiseSource(Span<float> noise, int picture, int draw);

/// <summary>Runs a <see cref="SolverProgram"/> on FP32 registers, in the arithmetic that it states. Pictures do not influence each other.</summary>
internal sealed class ProgramInterpreter
{
    private readonly Dictionary<Register, float[]> _registers = [];
    private readonly SolverProgram _program;
    private readonly NoiseSource _noise;
    private readonly float[] _sum;
    private readonly bool _learnsVariance;

    /// <param name="program">A program without faults.</param>
    /// <param name="pictures">Number of pictures.</param>
    /// <param name="elements">Elements of each.</param>
    /// <param name="noise">Where noise comes from.</param>
    public ProgramInterpreter(SolverProgram program, int pictures, int elements, NoiseSource noise)
    {
        (_program, Pictures, Elements, _noise) = (program, pictures, elements, noise);
        _sum = new float[elements];
        _learnsVariance = program.LearnsVariance;
    }

    /// <summary>What is run.</summary>
    public SolverProgram Program => _program;

    public int Pictures { get; }

    public int Elements { get; }

    /// <summary>x, pictures one after the other; may be written between evaluations.</summary>
    public Span<float> State => this[Register.State];

    /// <summary>A register, pictures one after the other.</summary>
    public Span<float> this[Register register] =>
        _registers.TryGetValue(register, out float[]? values) ? values : _registers[register] = new float[Pictures * Elements];

    /// <summary>Noise as samplers draw it.</summary>
    /// <param name="seed">Of the run.</param>
    /// <param name="firstPicture">Index of the first picture.</param>
    /// <param name="pictures">Pictures after which they repeat, and so their noise.</param>
    public static NoiseSource Seeded(ulong seed, long firstPicture = 0, int pictures = int.MaxValue) =>
        (noise, picture, draw) => GaussianNoise.Fill(noise, seed, firstPicture + picture % pictures, draw);

    /// <summary>The mean of the noise.</summary>
    public static NoiseSource None { get; } = (noise, _, _) => noise.Clear();

    /// <summary>Another run that stands where this one does.</summary>
    /// <param name="noise">Where its noise comes from; null for the same.</param>
    /// <param name="copies">So often it has all pictures, one whole set after the other.</param>
    public ProgramInterpreter Branch(NoiseSource? noise = null, int copies = 1)
    {
        var branch = new ProgramInterpreter(_program, copies * Pictures, Elements, noise ?? _noise);
        foreach (var (register, values) in _registers.Where(r => r.Key.IsKept))
            for (int copy = 0; copy < copies; copy++) values.CopyTo(branch[register][(copy * values.Length)..]);
        return branch;
    }

    /// <summary>Takes registers of another run of the same pictures, which stands at the same evaluation.</summary>
    public void Take(ProgramInterpreter other, params ReadOnlySpan<RegisterKind> kinds)
    {
        foreach (var (register, values) in other._registers)
            if (kinds.Contains(register.Kind)) values.CopyTo(this[register]);
    }

    /// <summary>Makes the first state.</summary>
    public void Begin() => Run(_program.Begin);

    /// <summary>What the network reads in an evaluation: the scaled state.</summary>
    public void Input(int evaluation, Span<float> input)
    {
        float scale = (float)_program.Evaluations[evaluation].InputScale;
        ReadOnlySpan<float> state = State;
        for (int i = 0; i < state.Length; i++) input[i] = scale * state[i];
    }

    /// <summary>What follows an evaluation.</summary>
    /// <param name="evaluation">Its index.</param>
    /// <param name="prediction">m, pictures one after the other.</param>
    /// <param name="variance">v, as long; empty where the program does not ask for it.</param>
    public void Advance(int evaluation, ReadOnlySpan<float> prediction, ReadOnlySpan<float> variance = default)
    {
        if (_learnsVariance && variance.Length != prediction.Length)
            throw new ArgumentException($"The solver asks for a variance of {prediction.Length} numbers; {variance.Length} were given.", nameof(variance));
        prediction.CopyTo(this[Register.Prediction]);
        variance.CopyTo(this[Register.Variance]);
        Run(_program.Evaluations[evaluation].Statements);
    }

    /// <summary>What becomes of the last state.</summary>
    public void End() => Run(_program.End);

    private void Run(EquatableArray<Statement> statements)
    {
        foreach (Statement statement in statements)
            for (int picture = 0; picture < Pictures; picture++)
                Run(statement, picture);
    }

    private void Run(Statement statement, int picture)
    {
        Span<float> target = Picture(statement.Target, picture);
        switch (statement)
        {
            case LinearStatement linear:
                Sum(linear.Terms, picture);
                _sum.CopyTo(target);
                break;
            case ClipStatement { Bound: var bound }:
                Clip(target, (float)bound);
                break;
            case ThresholdStatement threshold:
                ThresholdWork.Apply(target, _sum, threshold.Quantile.Single, threshold.Maximum.Single);
                break;
            case DrawStatement draw:
                _noise(target, picture, draw.Draw);
                break;
            case LearnedSigmaStatement learned:
                ReadOnlySpan<float> variance = Picture(Register.Variance, picture);
                for (int i = 0; i < target.Length; i++) target[i] *= LearnedNoise.Deviation(learned, variance[i]);
                break;
            case BlendStatement:
                ReadOnlySpan<float> known = Picture(Register.Known, picture), mask = Picture(Register.Mask, picture);
                for (int i = 0; i < target.Length; i++) target[i] = MathF.FusedMultiplyAdd(mask[i], target[i] - known[i], known[i]);
                break;
            default:
                throw new NotSupportedException($"No arithmetic for {statement.GetType().Name}.");
        }
    }

    private Span<float> Picture(Register register, int picture) => this[register].Slice(picture * Elements, Elements);

    private void Sum(EquatableArray<Term> terms, int picture)
    {
        for (int k = 0; k < terms.Count; k++)
        {
            float coefficient = (float)terms[k].Coefficient;
            ReadOnlySpan<float> values = Picture(terms[k].Register, picture);
            if (k == 0)
                for (int i = 0; i < _sum.Length; i++) _sum[i] = coefficient * values[i];
            else
                for (int i = 0; i < _sum.Length; i++) _sum[i] = MathF.FusedMultiplyAdd(coefficient, values[i], _sum[i]);
        }
    }

    private static void Clip(Span<float> values, float bound)
    {
        foreach (ref float value in values) value = MathF.Min(MathF.Max(value, -bound), bound);
    }
}
