namespace Specializer.Manifest;

/// <summary>A run that begins at an evaluation with a picture: x ← known·k + noise·z, z the first state's noise. What comes before the evaluation is left out.</summary>
/// <param name="Known">Factor of the picture.</param>
/// <param name="Noise">Factor of the noise; with <paramref name="Known"/> the level of every state at this evaluation.</param>
internal sealed record SolverStart(Number Known, Number Noise)
{
    /// <summary>Largest length of <see cref="First"/>.</summary>
    public const int MaximumFirst = 8;

    /// <summary>What such a run does after this evaluation, after the next, and so on, where that differs from the whole run's: a solver that uses former predictions has fewer of them.</summary>
    public EquatableArray<EquatableArray<Statement>> First { get; init; }
}
