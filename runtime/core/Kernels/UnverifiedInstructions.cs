namespace Specializer.Kernels;

/// <summary>Instruction sets whose code here was never executed on them stay unused until the program asks for them (docs/performance.md).</summary>
internal static class UnverifiedInstructions
{
    /// <summary>To be asked after the set's own IsSupported, so that the question vanishes where the processor lacks it.</summary>
    public static readonly bool Allowed = AppContext.TryGetSwitch("Specializer.UnverifiedInstructions", out bool on) && on;
}
