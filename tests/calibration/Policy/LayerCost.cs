namespace Specializer.Calibration.Tests;

/// <summary>Multiply-accumulates that share their bit widths, for networks that are not imported; those that are have <see cref="NetworkCost"/>.</summary>
/// <param name="Name">What they belong to.</param>
/// <param name="MultiplyAccumulates">Per evaluation of one image.</param>
/// <param name="WeightBits">Bits of the weights, or of the left factor of a product of activations.</param>
/// <param name="ActivationBits">Bits of the activations; 0 for those that the step's bit width decides.</param>
internal readonly record struct LayerCost(string Name, long MultiplyAccumulates, int WeightBits, int ActivationBits)
{
    /// <summary>Bit operations of one evaluation with the given activation bits in the layers that follow the step.</summary>
    public static double BitOperations(IEnumerable<LayerCost> layers, int activationBits) =>
        layers.Sum(l => (double)l.MultiplyAccumulates * l.WeightBits * (l.ActivationBits == 0 ? activationBits : l.ActivationBits));

    /// <summary>How many times fewer bit operations than FP32 in all layers.</summary>
    /// <param name="layers">Costs of one evaluation.</param>
    /// <param name="bitsPerStep">Activation bits of each step.</param>
    public static double Saved(IReadOnlyCollection<LayerCost> layers, IReadOnlyCollection<int> bitsPerStep) =>
        layers.Sum(l => l.MultiplyAccumulates * 1024.0) * bitsPerStep.Count / bitsPerStep.Sum(bits => BitOperations(layers, bits));
}
