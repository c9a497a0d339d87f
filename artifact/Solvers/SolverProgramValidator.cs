namespace Specializer.Manifest;

/// <summary>Why a program cannot be run.</summary>
/// <param name="Evaluation">Index of the evaluation; −1 in the beginning, the number of evaluations in the end, null where it is the program as a whole.</param>
/// <param name="Statement">Index of the statement; null where it is the evaluation as a whole.</param>
/// <param name="Message">What is wrong, with its place in words.</param>
internal sealed record SolverFault(int? Evaluation, int? Statement, string Message);

/// <summary>Tells whether a program can be run as it stands.</summary>
internal static class SolverProgramValidator
{
    public const int MaximumEvaluations = ManifestLimits.Steps;
    public const int MaximumStatements = 64;
    public const int MaximumTerms = 16;
    /// <summary>Of registers that are written.</summary>
    public const int MaximumRegisters = 16;

    /// <summary>The first fault; null when there is none.</summary>
    public static SolverFault? FirstFault(SolverProgram program)
    {
        int count = program.Evaluations.Count;
        if (count is 0 or > MaximumEvaluations) return new(null, null, $"A program has 1 to {MaximumEvaluations} evaluations; this one has {count}.");
        var written = new HashSet<Register> { Register.Known, Register.Mask };
        var all = new HashSet<Register>();
        Register[][] read = ReadFrom(program);
        if (Fault(program.Begin, -1, "The beginning", written, all) is { } begin) return begin;
        if (!written.Contains(Register.State)) return new(-1, null, "The beginning writes no x, which the first evaluation reads.");
        for (int i = 0; i < count; i++)
        {
            Evaluation evaluation = program.Evaluations[i];
            string place = $"Evaluation {i}";
            if (!IsSingle(evaluation.Timestep)) return new(i, null, $"{place} has the timestep {evaluation.Timestep}, which is not finite.");
            if (!IsSingle(evaluation.InputScale) || !(evaluation.InputScale.Single > 0))
                return new(i, null, $"{place} scales its input by {evaluation.InputScale}, which is no positive FP32 number.");
            if (StartFault(program, i, read, all) is { } start) return start;
            if (EvaluationFault(evaluation.Statements, i, place, written, all) is { } fault) return fault;
        }

        written.RemoveWhere(r => !r.IsKept);
        return Fault(program.End, count, "The end", written, all);
    }

    private static SolverFault? EvaluationFault(EquatableArray<Statement> statements, int evaluation, string place, HashSet<Register> written, HashSet<Register> all)
    {
        written.RemoveWhere(r => !r.IsKept && !r.IsGiven);
        written.Add(Register.Prediction);
        written.Add(Register.Variance);
        return Fault(statements, evaluation, place, written, all);
    }

    /// <summary>Whether a run can begin at an evaluation, with the state alone.</summary>
    private static SolverFault? StartFault(SolverProgram program, int evaluation, Register[][] read, HashSet<Register> all)
    {
        if (program.Evaluations[evaluation].Start is not { } start) return null;
        string place = $"A run that begins with a picture at evaluation {evaluation}";
        if (!IsSingle(start.Known) || !IsSingle(start.Noise) || !(start.Known.Single >= 0) || !(start.Noise.Single > 0))
            return new(evaluation, null, $"{place} mixes {start.Known} of it with {start.Noise} of noise; the first must not be negative, and the second positive.");
        if (start.First.Count > Math.Min(SolverStart.MaximumFirst, program.Evaluations.Count - evaluation))
            return new(evaluation, null, $"{place} has statements of its own after {start.First.Count} evaluations; {SolverStart.MaximumFirst} are the most, and no more than follow.");
        var written = new HashSet<Register> { Register.Known, Register.Mask, Register.State };
        for (int i = 0; i < start.First.Count; i++)
            if (EvaluationFault(start.First[i], evaluation, $"{place}, after evaluation {evaluation + i}", written, all) is { } fault) return fault;
        int own = evaluation + start.First.Count;
        return read[own].Where(r => !written.Contains(r)).Select(r => new SolverFault(evaluation, null, $"{place} reaches evaluation {own} without {r}, which is read from there on and which nothing has written.")).FirstOrDefault();
    }

    /// <summary>For each evaluation, and for the end, the kept registers that it or a later one reads before they are written. Backwards, so that a program of many starts is gone through once.</summary>
    private static Register[][] ReadFrom(SolverProgram program)
    {
        int count = program.Evaluations.Count;
        var result = new Register[count + 1][];
        var read = new HashSet<Register>();
        for (int i = count; i >= 0; i--)
        {
            foreach (Statement statement in (i == count ? program.End : program.Evaluations[i].Statements).Reverse())
            {
                read.Remove(statement.Target);
                read.UnionWith(statement.Reads.Where(r => r.IsKept));
            }

            result[i] = [.. read];
        }

        return result;
    }

    /// <summary>The first evaluation whose prediction reaches no state: the step that it is for has no length, so that the network would run for nothing.</summary>
    public static SolverFault? FirstIdle(SolverProgram program)
    {
        // Backwards: what is still going to be read.
        var live = new HashSet<Register> { Register.State };
        Trace(program.End, live);
        SolverFault? first = null;
        for (int i = program.Evaluations.Count - 1; i >= 0; i--)
        {
            live.Remove(Register.Prediction);
            Trace(program.Evaluations[i].Statements, live);
            if (!live.Contains(Register.Prediction))
                first = new(i, null, $"Evaluation {i} changes nothing: its step has no length. Choose other sigmas, another end (final_sigmas_type, set_alpha_to_one, steps_offset) or another number of steps.");
            live.Add(Register.State);
        }

        return first;
    }

    private static void Trace(EquatableArray<Statement> statements, HashSet<Register> live)
    {
        foreach (Statement statement in statements.Reverse())
        {
            if (!live.Contains(statement.Target)) continue;
            if (!statement.Reads.Contains(statement.Target)) live.Remove(statement.Target);
            if (statement is LinearStatement sum) live.UnionWith(sum.Terms.Where(t => t.Coefficient.Single != 0).Select(t => t.Register));
            else live.UnionWith(statement.Reads);
        }
    }

    private static SolverFault? Fault(EquatableArray<Statement> statements, int evaluation, string place, HashSet<Register> written, HashSet<Register> all)
    {
        if (statements.Count > MaximumStatements) return new(evaluation, null, $"{place} has {statements.Count} statements; {MaximumStatements} are the most.");
        for (int i = 0; i < statements.Count; i++)
        {
            Statement statement = statements[i];
            string where = $"{place}, statement {i}";
            if (Fault(statement) is { } fault) return At($"{where}: {fault}");
            foreach (Register register in statement.Reads)
                if (!written.Contains(register)) return At($"{where} reads {register}, which nothing has written.");
            written.Add(statement.Target);
            all.Add(statement.Target);
            if (all.Count > MaximumRegisters) return At($"{where} writes the register {all.Count}, {statement.Target}; {MaximumRegisters} are the most.");

            SolverFault At(string message) => new(evaluation, i, message);
        }

        return null;
    }

    private static string? Fault(Statement statement)
    {
        if (statement.Target.IsGiven) return $"{statement.Target} can only be read.";
        if (statement.Target.Index < 0 || !statement.Target.IsNumbered && statement.Target.Index != 0)
            return $"There is no register {statement.Target.Kind} {statement.Target.Index}.";
        bool noise = statement.Target.Kind == RegisterKind.Noise;
        return statement switch
        {
            LinearStatement when noise => "Only a draw writes noise.",
            LinearStatement linear => Fault(linear),
            ClipStatement clip when !IsSingle(clip.Bound) || !(clip.Bound.Single > 0) => $"The bound {clip.Bound} is no positive FP32 number.",
            ThresholdStatement { Quantile.Value: not (>= 0 and <= 1) } t => $"The quantile {t.Quantile} does not lie in [0, 1].",
            ThresholdStatement t when !IsSingle(t.Maximum) || t.Maximum.Value < 1 => $"The largest threshold, {t.Maximum}, is no FP32 number from 1 on.",
            ExponentialSigmaStatement e when !IsSingle(e.Slope) || !IsSingle(e.Offset) => $"The deviation exp({e.Slope}·v + {e.Offset}) is not finite.",
            DrawStatement or ExponentialSigmaStatement or RootSigmaStatement when !noise => $"{statement.Target} is no register for noise.",
            DrawStatement { Draw: < DrawStatement.Initial } d => $"There is no draw {d.Draw}.",
            BlendStatement when statement.Target.Kind != RegisterKind.State => "Only the state is blended.",
            _ => null,
        };
    }

    private static string? Fault(LinearStatement linear)
    {
        if (linear.Terms.Count is 0 or > MaximumTerms) return $"A sum has 1 to {MaximumTerms} terms; this one has {linear.Terms.Count}.";
        bool noise = false;
        foreach (Term term in linear.Terms)
        {
            if (!IsSingle(term.Coefficient)) return $"The coefficient of {term.Register} is {term.Coefficient}, which is not finite in FP32.";
            if (noise && term.Register.Kind != RegisterKind.Noise) return $"{term.Register} stands behind noise, which comes last.";
            noise = term.Register.Kind == RegisterKind.Noise;
        }

        return null;
    }

    private static bool IsSingle(Number number) => !double.IsNaN(number.Value) && !float.IsInfinity(number.Single);
}
