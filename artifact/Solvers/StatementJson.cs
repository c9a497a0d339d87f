namespace Specializer.Manifest;

/// <summary>Statements as a manifest writes them (docs/manifest.md).</summary>
internal static class StatementJson
{
    private const string Sum = "sum", Clip = "clip", Threshold = "threshold", ExponentialSigma = "exponentialSigma", RootSigma = "rootSigma", Draw = "draw", Blend = "blend";

    private static readonly string[] s_kinds = [Sum, Clip, Threshold, ExponentialSigma, RootSigma, Draw, Blend];

    /// <summary>Reads a list of statements; what is wrong with a value by itself is reported.</summary>
    public static EquatableArray<Statement> Read(ObjectBinder o, string property) =>
        o.Objects(property, "a statement", 0, SolverProgramValidator.MaximumStatements).Select(Read).ToEquatableArray();

    /// <summary>Reads how a run begins with a picture.</summary>
    public static SolverStart ReadStart(ObjectBinder o)
    {
        var start = new SolverStart(o.Number("known", NumberRange.NotNegative), o.Number("noise", NumberRange.Positive))
        {
            First = o.Objects("first", "the statements after an evaluation", 0, SolverStart.MaximumFirst, optional: true).Select(ReadFirst).ToEquatableArray(),
        };
        o.Done();
        return start;
    }

    private static EquatableArray<Statement> ReadFirst(ObjectBinder o)
    {
        EquatableArray<Statement> statements = Read(o, "statements");
        o.Done();
        return statements;
    }

    private static Statement Read(ObjectBinder o)
    {
        string kind = o.OneOf("op", s_kinds);
        Register target = o.Register("target");
        Statement statement = kind switch
        {
            Clip => new ClipStatement(target, o.Number("bound", NumberRange.Positive)),
            Threshold => new ThresholdStatement(target, o.Number("quantile", NumberRange.NotNegative), o.Number("maximum", NumberRange.Positive)),
            ExponentialSigma => new ExponentialSigmaStatement(target, o.Number("slope"), o.Number("offset")),
            RootSigma => new RootSigmaStatement(target),
            Draw => new DrawStatement(target, o.Integer("draw", DrawStatement.Initial, SolverProgramValidator.MaximumEvaluations)),
            Blend => new BlendStatement(target),
            _ => new LinearStatement(target, Terms(o)),
        };
        o.Done();
        return statement;
    }

    private static EquatableArray<Term> Terms(ObjectBinder o)
    {
        EquatableArray<Register> registers = o.Registers("of");
        EquatableArray<Number> coefficients = o.Numbers("by");
        o.Expect(coefficients.Count == registers.Count, "by", $"'by' has {coefficients.Count} elements; it must have {registers.Count}: one factor for each register of 'of'.");
        return registers.Zip(coefficients, (r, c) => new Term(r, c)).ToEquatableArray();
    }

    /// <summary>Writes how a run begins with a picture.</summary>
    public static void Write(JsonText json, SolverStart start)
    {
        json.Open('{').Key("known").Value(start.Known).Key("noise").Value(start.Noise);
        if (start.First.Count > 0)
        {
            json.Key("first").Open('[');
            foreach (EquatableArray<Statement> statements in start.First)
            {
                Write(json.Open('{').Key("statements"), statements);
                json.Close('}');
            }

            json.Close(']');
        }

        json.Close('}');
    }

    /// <summary>Writes a list of statements.</summary>
    public static void Write(JsonText json, EquatableArray<Statement> statements)
    {
        json.Open('[');
        foreach (Statement statement in statements)
        {
            json.Line().Open('{').Key("op").Value(Kind(statement)).Key("target").Value(statement.Target.ToString());
            Write(json, statement);
            json.Close('}');
        }

        json.Close(']', ownLine: statements.Count > 0);
    }

    private static string Kind(Statement statement) => statement switch
    {
        LinearStatement => Sum,
        ClipStatement => Clip,
        ThresholdStatement => Threshold,
        ExponentialSigmaStatement => ExponentialSigma,
        RootSigmaStatement => RootSigma,
        DrawStatement => Draw,
        _ => Blend,
    };

    private static void Write(JsonText json, Statement statement)
    {
        switch (statement)
        {
            case LinearStatement { Terms: var terms }:
                json.Key("of").Open('[');
                foreach (Term term in terms) json.Value(term.Register.ToString());
                json.Close(']').Key("by").Value(terms.Select(t => t.Coefficient));
                break;
            case ClipStatement clip: json.Key("bound").Value(clip.Bound); break;
            case ThresholdStatement threshold: json.Key("quantile").Value(threshold.Quantile).Key("maximum").Value(threshold.Maximum); break;
            case ExponentialSigmaStatement sigma: json.Key("slope").Value(sigma.Slope).Key("offset").Value(sigma.Offset); break;
            case DrawStatement draw: json.Key("draw").Value(draw.Draw); break;
        }
    }
}
