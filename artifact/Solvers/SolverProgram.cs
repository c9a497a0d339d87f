namespace Specializer.Manifest;

/// <summary>A solver as a straight-line program: what happens to the state between the evaluations of the network, every coefficient a number.
/// Nothing in it tells which scheduler it came from.</summary>
/// <param name="Begin">Makes the first state.</param>
/// <param name="Evaluations">In the order in which they happen.</param>
/// <param name="End">What becomes of the last state; usually nothing.</param>
internal sealed record SolverProgram(
    EquatableArray<Statement> Begin, EquatableArray<Evaluation> Evaluations, EquatableArray<Statement> End)
{
    /// <summary>Whether the network must say something of the variance beside its prediction.</summary>
    public bool LearnsVariance => Evaluations.Any(e => e.Statements.Any(s => s is ExponentialSigmaStatement or RootSigmaStatement));

    /// <summary>Registers that keep their values between evaluations, the state first among equals; what a session must hold for each picture.</summary>
    public Register[] KeptRegisters() =>
        [.. Begin.Concat(Evaluations.SelectMany(e => e.Statements)).Concat(End).Select(s => s.Target).Where(r => r.IsKept).Distinct()
            .OrderBy(r => r.Kind).ThenBy(r => r.Index)];
}

/// <summary>One evaluation of the network and what follows it. Its place in <see cref="SolverProgram.Evaluations"/> is its index, which keys statistics,
/// bits and corrections: the timestep does not, for some solvers visit one twice.</summary>
/// <param name="Timestep">What the network is told; FP32, may lie between two training timesteps.</param>
/// <param name="InputScale">The network reads this times the state. Rounded once, to FP32; positive.</param>
/// <param name="Statements">In order.</param>
internal sealed record Evaluation(float Timestep, double InputScale, EquatableArray<Statement> Statements);
