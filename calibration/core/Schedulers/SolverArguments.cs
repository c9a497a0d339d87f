namespace Specializer.Calibration;

/// <summary>What diffusers passes to a scheduler's <c>step</c> instead of its configuration.</summary>
/// <param name="Eta">η of DDIM, or γ of TCD, in [0, 1]; null for the scheduler's default.</param>
/// <param name="UseClippedOutput">DDIM: derive ε from the clipped original again.</param>
internal sealed record SolverArguments(double? Eta = null, bool UseClippedOutput = false);
