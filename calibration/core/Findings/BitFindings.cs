namespace Specializer.Calibration;

/// <summary>Steps that get 4-bit activations at the price of the preset, by the upper ends of their measured costs.</summary>
/// <param name="FourBitSteps">Indices of the steps.</param>
/// <param name="Images">Images that costs were measured on.</param>
public sealed record BudgetAllocated(IReadOnlyList<int> FourBitSteps, int Images) : Finding;

/// <summary>The measured allocation beside the preset, both drawn free-running at no more bit operations.</summary>
/// <param name="ErrorChangeDb">Mean over held-out images of what the budget changes of their squared error to FP32, dB.</param>
/// <param name="Images">Held-out images.</param>
/// <param name="Applied">Whether it lowers the error beyond the interval; the preset is kept otherwise.</param>
public sealed record BudgetAgainstPreset(Interval ErrorChangeDb, int Images, bool Applied) : Finding;
