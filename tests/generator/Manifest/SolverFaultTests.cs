using Specializer.Manifest;

namespace Specializer.Generator.Tests;

/// <summary>Programs that cannot be run, as calibration could make them; what a manifest's text cannot say, such as NaN, among them.</summary>
public sealed class SolverFaultTests
{
    private const double NaN = double.NaN, Infinite = double.PositiveInfinity;

    private static readonly Statement s_draw = new DrawStatement(Register.Noise, DrawStatement.Initial), s_begin = Sum(Register.State, (Register.Noise, 1)), s_step = Sum(Register.State, (Register.State, 1), (Register.Prediction, -0.5));

    private static readonly (SolverProgram Program, string Message)[] s_faults =
    [
        (Program(), "has 1 to 4096 evaluations; this one has 0"),
        (Program([.. Enumerable.Repeat(After(s_step), SolverProgramValidator.MaximumEvaluations + 1)]), "this one has 4097"),
        (Program(After(s_step)) with { Begin = new([s_draw]) }, "The beginning writes no x"),
        (Program(After(s_step) with { Timestep = NaN }), "timestep NaN"),
        (Program(After(s_step) with { Timestep = Infinite }), "which is not finite"),
        (Program(After(s_step) with { InputScale = NaN }), "no positive FP32 number"),
        (Program(After(s_step) with { InputScale = Infinite }), "no positive FP32 number"),
        (Program(After(s_step) with { InputScale = 0.0 }), "no positive FP32 number"),
        (Program(After(s_step) with { Start = new(NaN, 1) }), "mixes NaN"),
        (Program(After(s_step) with { Start = new(1, NaN) }), "with NaN of noise"),
        (Program(After(s_step) with { Start = new(-1, 1) }), "mixes -1"),
        (Program(After(s_step) with { Start = new(1, 0) }), "with 0 of noise"),
        (Program(After(s_step) with { Start = First(2) }), "after 2 evaluations; 8 are the most"),
        (Program([After(s_step) with { Start = First(9) }, .. Enumerable.Repeat(After(s_step), 9)]), "after 9 evaluations; 8 are the most"),
        (Program(After(s_step) with { Start = new(1, 1) { First = new([new([Sum(Register.State, (Register.History(0), 1))])]) } }), "after evaluation 0, statement 0 reads h0"),
        (Program(After(Sum(Register.History(0), (Register.Prediction, 1)), s_step), After(Sum(Register.State, (Register.History(0), 1), (Register.Prediction, 1))) with { Start = new(1, 1) }), "reaches evaluation 1 without h0"),
        (Program(After([.. Enumerable.Repeat(s_step, 65)])), "has 65 statements; 64 are the most"),
        (Program(After([.. Enumerable.Range(0, 15).Select(i => Sum(Register.Saved(i), (Register.State, 1))), s_step])), "writes the register 17"),
        (Program(After(Sum(Register.History(-1), (Register.State, 1)))), "There is no register History -1"),
        (Program(After(Sum(new(RegisterKind.State, 1), (Register.State, 1)))), "There is no register State 1"),
        (Program(After(Sum(Register.Prediction, (Register.State, 1)))), "m can only be read"),
        (Program(After(Sum(Register.Input, (Register.State, 1)))), "i can only be read"),
        (Program(After(Sum(Register.Noise, (Register.State, 1)))), "Only a draw writes noise"),
        (Program(After(new ClipStatement(Register.State, NaN))), "The bound NaN"),
        (Program(After(new ClipStatement(Register.State, Infinite))), "no positive FP32 number"),
        (Program(After(new ClipStatement(Register.State, 0))), "The bound 0"),
        (Program(After(new ThresholdStatement(Register.State, 1.5, 1))), "The quantile 1.5"),
        (Program(After(new ThresholdStatement(Register.State, -0.5, 1))), "The quantile -0.5"),
        (Program(After(new ThresholdStatement(Register.State, 0.5, NaN))), "The largest threshold, NaN"),
        (Program(After(new ThresholdStatement(Register.State, 0.5, 0.5))), "The largest threshold, 0.5"),
        (Program(After(s_draw, new ExponentialSigmaStatement(Register.Noise, NaN, 1))), "exp(NaN"),
        (Program(After(s_draw, new ExponentialSigmaStatement(Register.Noise, 1, Infinite))), "is not finite"),
        (Program(After(new ExponentialSigmaStatement(Register.State, 1, 1))), "x is no register for noise"),
        (Program(After(new RootSigmaStatement(Register.State))), "x is no register for noise"),
        (Program(After(new DrawStatement(Register.State, 0))), "x is no register for noise"),
        (Program(After(new DrawStatement(Register.Noise, -2))), "There is no draw -2"),
        (Program(After(s_step, Sum(Register.Original, (Register.State, 1)), new BlendStatement(Register.Original))), "Only the state is blended"),
        (Program(After(Sum(Register.State))), "1 to 16 terms; this one has 0"),
        (Program(After(Sum(Register.State, [.. Enumerable.Repeat((Register.State, 1.0), 17)]))), "this one has 17"),
        (Program(After(Sum(Register.State, (Register.State, NaN)))), "The coefficient of x is NaN"),
        (Program(After(Sum(Register.State, (Register.State, Infinite)))), "which is not finite in FP32"),
        (Program(After(s_draw, Sum(Register.State, (Register.Noise, 1), (Register.State, 1)))), "x stands behind noise"),
        (Program(After(s_step)) with { End = new([Sum(Register.State, (Register.Original, 1))]) }, "The end, statement 0 reads d"),
        (Program(After(s_step)) with { End = new([Sum(Register.State, (Register.Prediction, 1))]) }, "The end, statement 0 reads m"),
        (Program(After(s_draw, s_step), After(Sum(Register.State, (Register.State, 1), (Register.Noise, 1)))), "Evaluation 1, statement 0 reads z0"),
    ];

    /// <summary>What is told of each.</summary>
    internal static IEnumerable<string> Messages() => s_faults.Select(f => $"{SolverProgramValidator.FirstFault(f.Program)}");

    public static TheoryData<int> Faults => [.. Enumerable.Range(0, s_faults.Length)];

    [Theory]
    [MemberData(nameof(Faults))]
    public void What_cannot_be_run_is_told(int index)
    {
        var (program, message) = s_faults[index];
        Assert.Contains(message, SolverProgramValidator.FirstFault(program)?.Message ?? "no fault", StringComparison.Ordinal);
    }

    [Fact]
    public void What_can_be_run_has_no_fault()
    {
        SolverProgram whole = Program(
            After(Sum(Register.Original, (Register.State, 1), (Register.Prediction, -1)), new ThresholdStatement(Register.Original, 1, 1), new ClipStatement(Register.Original, 1), s_draw, new ExponentialSigmaStatement(Register.Noise, 0.5, -1),
                Sum(Register.State, (Register.Original, 1), (Register.Noise, 1)), new BlendStatement(Register.State)) with
            { Start = new(0, 1) { First = new([new([s_step])]) } },
            After(new DrawStatement(new(RegisterKind.Noise, 3), 1), new RootSigmaStatement(new(RegisterKind.Noise, 3)), Sum(Register.Saved(0), (Register.State, 1)), Sum(Register.State, (Register.Saved(0), 1), (Register.Prediction, 1), (new(RegisterKind.Noise, 3), 0))));
        Assert.Null(SolverProgramValidator.FirstFault(whole));
        Assert.Null(SolverProgramValidator.FirstIdle(whole));
        Assert.True(whole.LearnsVariance);
        Assert.True(whole.TakesPictures);
        Assert.False(whole.ScalesInput);
        Assert.Null(SolverProgramValidator.FirstFault(Program([.. Enumerable.Repeat(After(s_step), SolverProgramValidator.MaximumEvaluations)])));
        Assert.Null(SolverProgramValidator.FirstFault(Program(After([.. Enumerable.Repeat(s_step, SolverProgramValidator.MaximumStatements)]))));
        Assert.Null(SolverProgramValidator.FirstFault(Program(After([.. Enumerable.Range(0, SolverProgramValidator.MaximumRegisters - 2).Select(i => Sum(Register.Saved(i), (Register.State, 1))), s_step]))));
        Assert.Null(SolverProgramValidator.FirstFault(Program([After(s_step) with { Start = First(8) }, .. Enumerable.Repeat(After(s_step), 8)])));
        Assert.Null(SolverProgramValidator.FirstFault(Program(After(Sum(Register.State, [.. Enumerable.Repeat((Register.State, 1.0), SolverProgramValidator.MaximumTerms)])))));
    }

    /// <summary>The step whose evaluation nobody reads; a factor of 0 reads nothing.</summary>
    [Fact]
    public void An_evaluation_for_nothing_is_found()
    {
        Assert.Equal(1, SolverProgramValidator.FirstIdle(Program(After(s_step), After(Sum(Register.State, (Register.State, 1), (Register.Prediction, 0)))))!.Evaluation);
        Assert.Equal(0, SolverProgramValidator.FirstIdle(Program(After(Sum(Register.History(0), (Register.Prediction, 1))), After(Sum(Register.History(0), (Register.Prediction, 1)), Sum(Register.State, (Register.State, 1), (Register.History(0), 1)))))!.Evaluation);
        Assert.Null(SolverProgramValidator.FirstIdle(Program(After(Sum(Register.History(0), (Register.Prediction, 1))), After(s_step)) with { End = new([Sum(Register.State, (Register.State, 1), (Register.History(0), 1))]) }));
    }

    [Theory]
    [InlineData("x", RegisterKind.State, 0)]
    [InlineData("m", RegisterKind.Prediction, 0)]
    [InlineData("v", RegisterKind.Variance, 0)]
    [InlineData("k", RegisterKind.Known, 0)]
    [InlineData("w", RegisterKind.Mask, 0)]
    [InlineData("d", RegisterKind.Original, 0)]
    [InlineData("h0", RegisterKind.History, 0)]
    [InlineData("s10", RegisterKind.Saved, 10)]
    [InlineData("z99", RegisterKind.Noise, 99)]
    public void Registers_have_one_name_each(string name, object kind, int index)
    {
        var register = new Register((RegisterKind)kind, index);
        Assert.Equal(register, Register.Parse(name));
        Assert.Equal(name, register.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("i")]
    [InlineData("y")]
    [InlineData("x0")]
    [InlineData("h")]
    [InlineData("h00")]
    [InlineData("h01")]
    [InlineData("h100")]
    [InlineData("h1a")]
    [InlineData("h-1")]
    [InlineData("h/")]
    [InlineData("h:")]
    public void Other_names_are_none(string name) => Assert.Null(Register.Parse(name));

    /// <summary>What is printed into a sampler is a step's own deviation; where the network says it, nothing.</summary>
    [Fact]
    public void The_injected_noise_is_that_of_the_last_sum_that_has_any()
    {
        Evaluation plain = After(s_draw, Sum(Register.State, (Register.State, 1), (Register.Noise, 0.25)));
        Assert.Equal((1, 0.25, true), (plain.Injection, plain.Sigma.Value, plain.InjectsNoise));
        Assert.Equal(0.5, plain.WithSigma(0.5).Sigma.Value);
        Evaluation without = plain.WithSigma(0);
        Assert.False(without.InjectsNoise);
        Assert.Equal([Sum(Register.State, (Register.State, 1))], without.Statements);
        Assert.Equal(plain.Statements.Count, plain.WithSigma(0, keep: true).Statements.Count);
        Evaluation alone = After(s_draw, Sum(Register.State, (Register.Noise, 0.25)));
        Assert.Equal(2, alone.WithSigma(0).Statements.Count);
        foreach (LearnedSigmaStatement learned in (LearnedSigmaStatement[])[new RootSigmaStatement(Register.Noise), new ExponentialSigmaStatement(Register.Noise, 1, 1)])
        {
            Evaluation said = After(s_draw, learned, Sum(Register.State, (Register.State, 1), (Register.Noise, 1)));
            Assert.Null(said.Injection);
            Assert.Same(said, said.WithSigma(0.5));
            Assert.True(said.InjectsNoise);
            Assert.Equal(learned with { Removed = 0.5 }, said.WithRemoved(0.5).Learned);
            Assert.Same(said, said.WithRemoved(0));
            Assert.Equal(learned with { Removed = 0 }, said.WithRemoved(0, keep: true).Learned);
        }

        Assert.Same(plain, plain.WithRemoved(0.5));

        Evaluation other = After(s_draw, new RootSigmaStatement(new(RegisterKind.Noise, 1)), Sum(Register.State, (Register.State, 1), (Register.Noise, 1)));
        Assert.Equal(2, other.Injection);
        Assert.Null(other.Learned);
        Assert.Null(After(s_step, Sum(Register.State)).Injection);
    }

    private static SolverProgram Program(params Evaluation[] evaluations) => new(new([s_draw, s_begin]), new(evaluations), default);

    private static Evaluation After(params Statement[] statements) => new(10, 1, new(statements));

    private static SolverStart First(int evaluations) => new(1, 1) { First = new([.. Enumerable.Repeat(new EquatableArray<Statement>([s_step]), evaluations)]) };

    private static LinearStatement Sum(Register target, params (Register Register, double Coefficient)[] terms) => new(target, terms.Select(t => new Term(t.Register, t.Coefficient)).ToEquatableArray());
}
