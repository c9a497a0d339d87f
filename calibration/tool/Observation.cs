namespace Specializer.Tool;

/// <summary>Whether something is here.</summary>
internal enum ObservationState
{
    /// <summary>It is here and would be used.</summary>
    Good,

    /// <summary>It is not here, and nothing needs it.</summary>
    Absent,

    /// <summary>It is not here, and building or drawing needs it.</summary>
    Missing,
}

/// <summary>One thing that a computer has or has not.</summary>
/// <param name="Subject">What was looked for.</param>
/// <param name="State">Whether it is here.</param>
/// <param name="Found">What was found.</param>
/// <param name="Consequence">What runs there, or what to do.</param>
internal sealed record Observation(string Subject, ObservationState State, string Found, string Consequence);
