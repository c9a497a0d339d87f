using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What an evaluation's prediction does to the next state, and its numbers as they are compiled.</summary>
internal static class EvaluationSensitivity
{
    /// <summary>λ = ∂x′/∂m with everything else that the statements read fixed, bounding aside: the factor with which an error of the prediction enters the next state.</summary>
    public static double Lambda(this Evaluation evaluation)
    {
        var derivatives = new Dictionary<Register, double> { [Register.Prediction] = 1 };
        foreach (Statement statement in evaluation.Statements)
        {
            if (statement is LinearStatement sum) derivatives[sum.Target] = sum.Terms.Sum(t => t.Coefficient * derivatives.GetValueOrDefault(t.Register));
            else if (statement is DrawStatement) derivatives[statement.Target] = 0;
        }

        return derivatives.GetValueOrDefault(Register.State);
    }

    /// <summary>The program as a manifest holds it: every number rounded to FP32.</summary>
    public static SolverProgram Rounded(this SolverProgram program) => new(
        Rounded(program.Begin),
        program.Evaluations.Select(Rounded).ToEquatableArray(),
        Rounded(program.End));

    /// <summary>An evaluation as a manifest holds it.</summary>
    public static Evaluation Rounded(this Evaluation e) => new(Rounded(e.Timestep), Rounded(e.InputScale), Rounded(e.Statements))
    {
        Start = e.Start is not { } start ? null : new(Rounded(start.Known), Rounded(start.Noise)) { First = start.First.Select(Rounded).ToEquatableArray() },
    };

    private static EquatableArray<Statement> Rounded(EquatableArray<Statement> statements) => statements.Select(s => s switch
    {
        LinearStatement sum => sum with { Terms = sum.Terms.Select(t => t with { Coefficient = Rounded(t.Coefficient) }).ToEquatableArray() },
        ClipStatement clip => clip with { Bound = Rounded(clip.Bound) },
        ThresholdStatement threshold => threshold with { Quantile = Rounded(threshold.Quantile), Maximum = Rounded(threshold.Maximum) },
        ExponentialSigmaStatement sigma => sigma with { Slope = Rounded(sigma.Slope), Offset = Rounded(sigma.Offset) },
        _ => s,
    }).ToEquatableArray();

    private static Number Rounded(Number number) => Number.From(number.Single);
}
