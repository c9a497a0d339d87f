namespace Specializer.Calibration;

/// <summary>How a check ended.</summary>
public enum VerificationStatus
{
    /// <summary>Within the tolerance.</summary>
    Passed,
    /// <summary>Above the tolerance.</summary>
    Failed,
    /// <summary>Not checked; the note says why.</summary>
    Skipped,
}

/// <summary>One check of an imported model against the reference library.</summary>
/// <param name="Name">What was compared: <c>eps</c>, or a trajectory's name.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Error">Largest absolute error of ε; of a trajectory the largest error of a state, relative to that state's largest magnitude. 0 when skipped.</param>
/// <param name="Tolerance">What the error is compared with.</param>
/// <param name="StepErrors">One error a step of a trajectory; empty otherwise.</param>
/// <param name="Note">Anything more to say; may be empty.</param>
public sealed record VerificationResult(
    string Name, VerificationStatus Status, double Error, double Tolerance, IReadOnlyList<double> StepErrors, string Note);
