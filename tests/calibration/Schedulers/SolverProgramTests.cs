using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

/// <summary>The contract: equal programs are equal, and one with a fault is told where.</summary>
public class SolverProgramTests
{
    private static readonly Statement[] Start = [new DrawStatement(Register.Noise, DrawStatement.Initial), Sum(Register.State, (Register.Noise, 1))];

    private static readonly Dictionary<string, Statement> Faults = new()
    {
        ["reads d, which nothing has written"] = Sum(Register.State, (Register.Original, 1)),
        ["reads h1, which nothing has written"] = Sum(Register.State, (Register.State, 1), (Register.History(1), 1)),
        // Noise does not outlive the evaluation, or beginning, that drew it.
        ["reads z0, which nothing has written"] = Sum(Register.State, (Register.State, 1), (Register.Noise, 1)),
        ["m can only be read"] = Sum(Register.Prediction, (Register.State, 1)),
        ["Only a draw writes noise"] = Sum(Register.Noise, (Register.State, 1)),
        ["is NaN, which is not finite"] = Sum(Register.State, (Register.State, double.NaN)),
        ["is 1E+300, which is not finite"] = Sum(Register.State, (Register.State, 1e300)),
        ["1 to 16 terms; this one has 0"] = Sum(Register.State),
        ["The bound 0 is no positive"] = new ClipStatement(Register.State, 0),
        ["The quantile 1.5"] = new ThresholdStatement(Register.State, 1.5, 1),
        ["The largest threshold, 0.5"] = new ThresholdStatement(Register.State, 0.9, 0.5),
        ["x is no register for noise"] = new DrawStatement(Register.State, 0),
        ["There is no draw -2"] = new DrawStatement(Register.Noise, -2),
        ["Only the state is blended"] = new BlendStatement(Register.Saved(0)),
        ["There is no register State 1"] = new ClipStatement(new(RegisterKind.State, 1), 1),
    };

    public static IEnumerable<object[]> FaultNames => Faults.Keys.Select(k => new object[] { k });

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void AFaultIsToldWithItsPlace(string expected)
    {
        SolverFault? fault = SolverProgramValidator.FirstFault(Program(Start, [Faults[expected]]));
        Assert.Contains(expected, fault?.Message);
        Assert.Contains("Evaluation 0, statement 0", fault?.Message);
        Assert.Equal((0, 0), (fault?.Evaluation, fault?.Statement));
    }

    [Fact]
    public void NoiseStandsLast()
    {
        SolverProgram program = Program(Start, [new DrawStatement(Register.Noise, 0), Sum(Register.State, (Register.Noise, 1), (Register.State, 1))]);
        Assert.Contains("x stands behind noise", SolverProgramValidator.FirstFault(program)?.Message);
    }

    [Fact]
    public void AStateMustBegin() => Assert.Contains("The beginning writes no x", SolverProgramValidator.FirstFault(Program([], []))?.Message);

    [Fact]
    public void RegistersAreCounted()
    {
        Statement[] many = [.. Enumerable.Range(0, 20).Select(i => Sum(Register.Saved(i), (Register.State, 1)))];
        Assert.Contains("16 are the most", SolverProgramValidator.FirstFault(Program(Start, many))?.Message);
    }

    [Fact]
    public void EqualProgramsAreEqual()
    {
        Statement[] statements = [Sum(Register.Saved(0), (Register.State, 2), (Register.Prediction, -1)), new ClipStatement(Register.State, 1)];
        SolverProgram a = Program(Start, statements), b = Program([.. Start], [.. statements]);
        Assert.Equal(a, b);
        Assert.Equal(a.GetHashCode(), b.GetHashCode());
        Assert.NotEqual(a, Program(Start, [statements[0], new ClipStatement(Register.State, 2)]));
        Assert.Equal([Register.Saved(0), Register.State], a.KeptRegisters());
        Assert.Null(SolverProgramValidator.FirstFault(a));
    }

    /// <summary>A run that begins at an evaluation has no former predictions.</summary>
    [Fact]
    public void AStartReadsTheStateAlone()
    {
        Statement keeps = Sum(Register.History(0), (Register.Prediction, 1)), steps = Sum(Register.State, (Register.State, 1), (Register.Prediction, -1)), former = Sum(Register.State, (Register.History(1), 1), (Register.Prediction, 1));
        var start = new SolverStart(0.5, 0.5);
        SolverProgram Program(SolverStart second) => new(new(Start),
            new([new(20, 1, new([Sum(Register.History(1), (Register.Prediction, 1)), steps])), new(10, 1, new([keeps, former])) { Start = second }]), default);

        SolverFault? fault = SolverProgramValidator.FirstFault(Program(start));
        Assert.Contains("A run that begins with a picture at evaluation 1 reaches evaluation 1 without h1", fault?.Message);
        SolverProgram own = Program(start with { First = new([new([keeps, steps])]) });
        Assert.Null(SolverProgramValidator.FirstFault(own));
        Assert.Equal([new([keeps, steps])], own.Early(1));
        Assert.Empty(own.Early(0));
        Assert.Contains("0 of noise", SolverProgramValidator.FirstFault(Program(start with { Noise = 0 }))?.Message);
        Assert.Contains("2 evaluations", SolverProgramValidator.FirstFault(Program(start with { First = new([new([steps]), new([steps])]) }))?.Message);
    }

    /// <summary>A manifest may let every evaluation be a start, and never write what the beginning wrote: that must not be followed from each of them to the end.</summary>
    [Fact]
    public void ManyStartsAreCheckedInOnePass()
    {
        Statement[] statements = [.. Enumerable.Range(0, 8).Select(_ => Sum(Register.State, (Register.State, 1), (Register.Prediction, -1)))];
        Statement[] begin = [.. Start, Sum(Register.Saved(0), (Register.State, 1))];
        Evaluation[] evaluations = [.. Enumerable.Range(0, SolverProgramValidator.MaximumEvaluations).Select(_ => new Evaluation(20, 1, new(statements)) { Start = new(0.5, 0.5) })];

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(SolverProgramValidator.FirstFault(new(new(begin), new(evaluations), default)));

        // Each statement that is looked at has its place put into words: a pass is some ten megabytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    /// <summary>Outside the mask the known picture stands, inside the state; a threshold divides by the quantile, which 1 bounds from below.</summary>
    [Fact]
    public void BlendAndThresholdDoWhatTheySay()
    {
        SolverProgram program = Program(Start, [new BlendStatement(Register.State), new ThresholdStatement(Register.State, 1, 3)]);
        var interpreter = new ProgramInterpreter(program, pictures: 2, elements: 2, (noise, _, _) => noise.Clear());
        interpreter.Begin();
        new float[] { 5, 2, 0.5f, 8 }.CopyTo(interpreter.State);
        new float[] { 7, 1, 0, -0.25f }.CopyTo(interpreter[Register.Known]);
        new float[] { 1, 0, 1, 0 }.CopyTo(interpreter[Register.Mask]);
        interpreter.Advance(0, new float[4]);
        Assert.Equal([1, 1f / 3, 0.5f, -0.25f], interpreter.State.ToArray());
    }

    [Fact]
    public void LearnedDeviationsScaleTheNoise()
    {
        SolverProgram program = Program(Start, [new DrawStatement(Register.Noise, 0), new RootSigmaStatement(Register.Noise), Sum(Register.State, (Register.Noise, 1)),
            new ExponentialSigmaStatement(Register.Noise, 0, MathF.Log(3)), Sum(Register.State, (Register.State, 1), (Register.Noise, 1))]);
        Assert.True(program.LearnsVariance);
        var interpreter = new ProgramInterpreter(program, pictures: 1, elements: 2, (noise, _, _) => noise.Fill(2));
        interpreter.Begin();
        interpreter.Advance(0, new float[2], [4, 9]);
        Assert.Equal(16, interpreter.State[0], 1e-5f);
        Assert.Equal(24, interpreter.State[1], 1e-5f);
    }

    private static SolverProgram Program(Statement[] begin, Statement[] statements) => new(new(begin), new([new(10, 1, new(statements))]), default);

    private static LinearStatement Sum(Register target, params (Register Register, double Coefficient)[] terms) =>
        new(target, new([.. terms.Select(t => new Term(t.Register, t.Coefficient))]));
}
