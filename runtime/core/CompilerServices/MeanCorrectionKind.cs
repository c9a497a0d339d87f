using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>How the mean of a prediction is corrected (docs/method.md).</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum MeanCorrectionKind
{
    /// <summary>ε̃ = ε̂.</summary>
    Off,
    /// <summary>ε̃ = (ε̂ − μ_q)/(1 + k): PTQD.</summary>
    Divide,
    /// <summary>ε̃ = m + c·(ε̂ − m̂), c = Cov(ε, ε̂)/Var(ε̂): D2-DPM's conditional mean.</summary>
    Mmse,
}
