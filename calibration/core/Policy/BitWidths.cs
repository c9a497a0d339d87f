namespace Specializer.Calibration;

/// <summary>Bits of the weights and of the activations that they meet.</summary>
/// <param name="Weights">4 or 8.</param>
/// <param name="Activations">4 or 8.</param>
internal readonly record struct BitWidths(int Weights, int Activations)
{
    /// <summary>What there are kernels for.</summary>
    public static IReadOnlyList<BitWidths> All { get; } = [new(8, 8), new(4, 8), new(4, 4)];

    /// <summary>As the literature writes it.</summary>
    public override string ToString() => $"W{Weights}A{Activations}";
}
