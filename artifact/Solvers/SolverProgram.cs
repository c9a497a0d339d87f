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
    public bool LearnsVariance => Statements.Any(s => s is LearnedSigmaStatement);

    /// <summary>Whether runs can begin with a picture.</summary>
    public bool TakesPictures => Evaluations.Any(e => e.Start is not null);

    /// <summary>Whether the network reads something else than the state itself.</summary>
    public bool ScalesInput => Evaluations.Any(e => e.InputScale.Single != 1);

    /// <summary>What runs that began with a picture do after an evaluation, by how many evaluations earlier they began; older ones do as the whole run does.</summary>
    public EquatableArray<Statement>[] Early(int evaluation)
    {
        int[] ages = [.. Enumerable.Range(0, Math.Min(evaluation + 1, SolverStart.MaximumFirst)).Where(age => age < First(age).Count)];
        return [.. Enumerable.Range(0, ages.Length == 0 ? 0 : ages[ages.Length - 1] + 1).Select(age => age < First(age).Count ? First(age)[age] : Evaluations[evaluation].Statements)];

        EquatableArray<EquatableArray<Statement>> First(int age) => Evaluations[evaluation - age].Start?.First ?? default;
    }

    private IEnumerable<EquatableArray<Statement>> Lists =>
        new[] { Begin, End }.Concat(Evaluations.Select(e => e.Statements)).Concat(Evaluations.SelectMany(e => e.Start?.First ?? default));

    private IEnumerable<Statement> Statements => Lists.SelectMany(statements => statements);

    /// <summary>Registers that keep their values between evaluations, the state first among equals; what a session must hold for each picture.</summary>
    public Register[] KeptRegisters() => Ordered(Statements.Select(s => s.Target).Where(r => r.IsKept));

    /// <summary>Registers that need memory: kept ones, and those that a threshold, before which all of a picture must be there, finds in use.</summary>
    public Register[] StoredRegisters() => Ordered(Statements.Select(s => s.Target).Where(r => r.IsKept)
        .Concat(Lists.SelectMany(AcrossThresholds)));

    /// <summary>All registers that statements write.</summary>
    public Register[] WrittenRegisters() => Ordered(Statements.Select(s => s.Target));

    private static Register[] Ordered(IEnumerable<Register> registers) => [.. registers.Distinct().OrderBy(r => r.Kind).ThenBy(r => r.Index)];

    private static IEnumerable<Register> AcrossThresholds(EquatableArray<Statement> statements)
    {
        SolverRun[] runs = [.. SolverRun.Of(statements)];
        return runs.SelectMany((run, i) => run.Statements.Select(s => s.Target)
            .Where(r => run.IsThreshold || runs.Skip(i + 1).Any(later => later.Statements.Any(s => s.Reads.Contains(r)))));
    }
}

/// <summary>One evaluation of the network and what follows it. Its place in <see cref="SolverProgram.Evaluations"/> is its index, which keys statistics,
/// bits and corrections: the timestep does not, for some solvers visit one twice.</summary>
/// <param name="Timestep">What the network is told; FP32, may lie between two training timesteps.</param>
/// <param name="InputScale">The network reads this times the state. Rounded once, to FP32; positive.</param>
/// <param name="Statements">In order.</param>
internal sealed record Evaluation(Number Timestep, Number InputScale, EquatableArray<Statement> Statements)
{
    /// <summary>How a run begins here with a picture; null where none can, or none is compiled.</summary>
    public SolverStart? Start { get; init; }

    /// <summary>σ, the deviation of the noise that is injected: the coefficient of the last noise in the last sum that has any. 0 for none, and where the network says what it is.</summary>
    public Number Sigma => Injection is { } at ? ((LinearStatement)Statements[at]).Terms.Last().Coefficient : default;

    /// <summary>Whether the next state's variance is partly the noise's.</summary>
    public bool InjectsNoise => Sigma != 0 || Learned is not null;

    /// <summary>Index of the sum whose noise has the deviation <see cref="Sigma"/>; null where there is none.</summary>
    public int? Injection => Learned is null ? LastNoise?.Sum : null;

    /// <summary>What says the deviation of that noise, where the network does; else null.</summary>
    public LearnedSigmaStatement? Learned => LastNoise is { } last ? Statements.OfType<LearnedSigmaStatement>().LastOrDefault(s => s.Target == last.Noise) : null;

    /// <summary>The last sum that has noise.</summary>
    private (int Sum, Register Noise)? LastNoise
    {
        get
        {
            for (int i = Statements.Count - 1; i >= 0; i--)
                if (Statements[i] is LinearStatement { Terms: { Count: > 0 } terms } && terms[terms.Count - 1].Register is { Kind: RegisterKind.Noise } noise) return (i, noise);
            return null;
        }
    }

    /// <summary>The same with another <see cref="Sigma"/>.</summary>
    /// <param name="sigma">σ′; of 0 nothing is left, not even the draw.</param>
    /// <param name="keep">Leave a σ′ of 0 in its place.</param>
    public Evaluation WithSigma(Number sigma, bool keep = false)
    {
        if (Injection is not { } at) return this;
        var sum = (LinearStatement)Statements[at];
        Term noise = sum.Terms[sum.Terms.Count - 1];
        Term[] terms = [.. sum.Terms.Take(sum.Terms.Count - 1)];
        bool stays = keep || sigma.Single != 0 || terms.Length == 0;
        Statement[] statements = [.. Statements];
        statements[at] = sum with { Terms = new(stays ? [.. terms, noise with { Coefficient = sigma }] : terms) };
        // Noise that nothing reads is not drawn.
        return this with { Statements = statements.Where((s, i) => s is not DrawStatement || statements.Skip(i + 1).Any(later => later.Reads.Contains(s.Target))).ToEquatableArray() };
    }

    /// <summary>The same with c in <see cref="Learned"/>.</summary>
    /// <param name="removed">c; 0 for none.</param>
    /// <param name="keep">Leave a c of 0 in its place.</param>
    public Evaluation WithRemoved(Number removed, bool keep = false) => Learned is not { } learned || (removed.Single == 0 && !keep) ? this
        : this with { Statements = Statements.Select(s => ReferenceEquals(s, learned) ? learned with { Removed = removed } : s).ToEquatableArray() };
}
