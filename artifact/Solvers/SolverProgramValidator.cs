namespace Specializer.Manifest;

/// <summary>Tells whether a program can be run as it stands.</summary>
internal static class SolverProgramValidator
{
    public const int MaximumEvaluations = ManifestLimits.Steps;
    public const int MaximumStatements = 64;
    public const int MaximumTerms = 16;
    /// <summary>Of registers that are written.</summary>
    public const int MaximumRegisters = 16;

    /// <summary>The first fault, as a sentence that says where; null when there is none.</summary>
    public static string? FirstFault(SolverProgram program)
    {
        if (program.Evaluations.Count is 0 or > MaximumEvaluations)
            return $"A program has 1 to {MaximumEvaluations} evaluations; this one has {program.Evaluations.Count}.";
        var written = new HashSet<Register> { Register.Known, Register.Mask };
        var all = new HashSet<Register>();
        if (Fault(program.Begin, "The beginning", written, all) is { } begin) return begin;
        if (!written.Contains(Register.State)) return "The beginning writes no x, which the first evaluation reads.";
        for (int i = 0; i < program.Evaluations.Count; i++)
        {
            Evaluation evaluation = program.Evaluations[i];
            string place = $"Evaluation {i}";
            if (!IsSingle(evaluation.Timestep)) return $"{place} has the timestep {evaluation.Timestep}, which is not finite.";
            if (!IsSingle(evaluation.InputScale) || !((float)evaluation.InputScale > 0))
                return $"{place} scales its input by {evaluation.InputScale}, which is no positive FP32 number.";
            written.RemoveWhere(r => !r.IsKept && !r.IsGiven);
            written.Add(Register.Prediction);
            written.Add(Register.Variance);
            if (Fault(evaluation.Statements, place, written, all) is { } fault) return fault;
        }

        written.RemoveWhere(r => !r.IsKept);
        return Fault(program.End, "The end", written, all);
    }

    private static string? Fault(EquatableArray<Statement> statements, string place, HashSet<Register> written, HashSet<Register> all)
    {
        if (statements.Count > MaximumStatements) return $"{place} has {statements.Count} statements; {MaximumStatements} are the most.";
        for (int i = 0; i < statements.Count; i++)
        {
            Statement statement = statements[i];
            string where = $"{place}, statement {i}";
            if (Fault(statement) is { } fault) return $"{where}: {fault}";
            foreach (Register register in Reads(statement))
                if (!written.Contains(register)) return $"{where} reads {register}, which nothing has written.";
            written.Add(statement.Target);
            all.Add(statement.Target);
            if (all.Count > MaximumRegisters) return $"{where} writes the register {all.Count}, {statement.Target}; {MaximumRegisters} are the most.";
        }

        return null;
    }

    private static IEnumerable<Register> Reads(Statement statement) => statement switch
    {
        LinearStatement linear => linear.Terms.Select(t => t.Register),
        DrawStatement => [],
        ExponentialSigmaStatement or RootSigmaStatement => [Register.Variance, statement.Target],
        BlendStatement => [Register.Known, Register.Mask, statement.Target],
        _ => [statement.Target],
    };

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
            ClipStatement clip when !IsSingle(clip.Bound) || !((float)clip.Bound > 0) => $"The bound {clip.Bound} is no positive FP32 number.",
            ThresholdStatement { Quantile: not (>= 0 and <= 1) } t => $"The quantile {t.Quantile} does not lie in [0, 1].",
            ThresholdStatement t when !IsSingle(t.Maximum) || t.Maximum < 1 => $"The largest threshold, {t.Maximum}, is no FP32 number from 1 on.",
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

    private static bool IsSingle(double value) => !double.IsNaN(value) && !float.IsInfinity((float)value);
}
