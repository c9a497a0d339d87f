namespace Specializer.Reporting;

/// <summary>Whether images of another seed bear out what a calibration decided, by the criterion it decided by.</summary>
/// <param name="Decision">What it decided on.</param>
/// <param name="Applied">Whether the artefact has it.</param>
/// <param name="Row">The row with it.</param>
/// <param name="HeldOut">Held-out images of the calibration.</param>
/// <param name="Verdict">The row with it against the one without.</param>
public sealed record DecisionCheck(string Decision, bool Applied, string Row, int HeldOut, Verdict Verdict)
{
    /// <summary>True where they do, false where they say the opposite; null where they cannot tell.</summary>
    public bool? Agrees => (Applied, Verdict.Outcome) switch
    {
        (true, Outcome.Improves) => true,
        (true, Outcome.WithinInterval) => null,
        (false, not Outcome.Improves) => true,
        _ => false,
    };
}
