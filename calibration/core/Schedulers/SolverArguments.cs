namespace Specializer.Calibration;

/// <summary>What diffusers passes to a scheduler's <c>step</c> instead of its configuration.</summary>
/// <param name="Eta">η of DDIM, or γ of TCD, in [0, 1]; null for the scheduler's default.</param>
/// <param name="UseClippedOutput">DDIM: derive ε from the clipped original again.</param>
/// <param name="Start">Index of the step at which a run begins, with a picture in place of noise: solvers that use former predictions rise from the first order there.</param>
internal sealed record SolverArguments(double? Eta = null, bool UseClippedOutput = false, int Start = 0);
