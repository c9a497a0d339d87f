namespace Specializer.Calibration;

/// <summary>A way to quantize, whose noise is measured.</summary>
/// <param name="WeightBits">4 or 8.</param>
/// <param name="Rounding">Of the weights.</param>
/// <param name="PerStep">Ranges of the activations at each step, or one for all steps.</param>
/// <param name="ActivationBits">Of what 4-bit weights meet.</param>
internal readonly record struct QuantizationVariant(int WeightBits, RoundingChoice Rounding, bool PerStep, int ActivationBits)
{
    /// <summary>The widths alone.</summary>
    public BitWidths Bits => new(WeightBits, ActivationBits);

    /// <summary>All widths that there are kernels for, whether the artefact uses them or not: what it does not use with the weights that it would have.</summary>
    public static QuantizationVariant[] Measured(CalibrationOptions options) => [.. BitWidths.All.Select(bits => new QuantizationVariant(bits.Weights,
        bits.Weights != options.WeightBits && options.Rounding is RoundingChoice.Reconstruct or RoundingChoice.Sequential ? RoundingChoice.Gptq : options.Rounding, true, bits.Activations))];
}
