using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>What calibration makes of a step's noise: σ', the factor of a term, or c, which is taken off a variance that the network says. As calibrated, or for a guided image what <see cref="Execution.Guide"/> has found for it.</summary>
/// <param name="Calibrated">Without guidance.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct StepSigma(float Calibrated)
{
    /// <summary>A term of a sum, which has one such term at most.</summary>
    public static SolverSum operator *(StepSigma sigma, SolverRegister register) => new(sigma.Calibrated, register, isSigma: true);
}
