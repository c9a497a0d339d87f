namespace Specializer.Manifest;

/// <summary>Statements that one pass over a picture computes, or a threshold, which needs all of the picture.</summary>
/// <param name="Statements">In order; a threshold stands alone.</param>
internal sealed record SolverRun(EquatableArray<Statement> Statements)
{
    public bool IsThreshold => Statements[0] is ThresholdStatement;

    /// <summary>What statements are executed as.</summary>
    public static IEnumerable<SolverRun> Of(IEnumerable<Statement> statements)
    {
        var run = new List<Statement>();
        foreach (Statement statement in statements)
        {
            if (statement is ThresholdStatement)
            {
                if (run.Count > 0) yield return new(run.ToEquatableArray());
                run.Clear();
                yield return new(new EquatableArray<Statement>([statement]));
            }
            else
            {
                run.Add(statement);
            }
        }

        if (run.Count > 0) yield return new(run.ToEquatableArray());
    }
}
