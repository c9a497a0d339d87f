using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>Arithmetic of tensors with numbers.</summary>
/// <remarks>TorchSharp's own operators convert a number to a <see cref="Scalar"/>, pass its address to native code and do not keep it alive: a garbage collection at that
/// moment frees it under the call (their issue 1434). Even the sum of two tensors has such a factor 1. Here every scalar outlives its call.</remarks>
internal static class Scalars
{
    private static readonly Scalar s_zero = 0.0, s_one = 1.0;

    public static Tensor Plus(this Tensor tensor, Tensor other) => tensor.add(other, s_one);

    public static Tensor Plus(this Tensor tensor, double number)
    {
        using Scalar scalar = number;
        return tensor.add(scalar, s_one);
    }

    public static Tensor Times(this Tensor tensor, double factor)
    {
        using Scalar scalar = factor;
        return tensor.mul(scalar);
    }

    public static Tensor Power(this Tensor tensor, double exponent)
    {
        using Scalar scalar = exponent;
        return tensor.pow(scalar);
    }

    public static Tensor EqualTo(this Tensor tensor, double number)
    {
        using Scalar scalar = number;
        return tensor.eq(scalar);
    }

    public static Tensor Squared(this Tensor tensor) => tensor.mul(tensor);

    public static Tensor Clip(this Tensor tensor, double least, double most)
    {
        using Scalar low = least, high = most;
        return tensor.clamp(low, high);
    }

    /// <summary>1 where a number is not negative, else 0.</summary>
    public static Tensor IsPositive(this Tensor tensor) => tensor.ge(s_zero).to(float32);

    /// <summary>tensor ← tensor·decay + (1 − decay)·other.</summary>
    public static void Average(this Tensor tensor, Tensor other, double decay)
    {
        using Scalar old = decay, recent = 1 - decay;
        tensor.mul_(old).add_(other, recent);
    }

    /// <summary>tensor ← tensor + factor·numerator/denominator.</summary>
    public static void AddRatio(this Tensor tensor, Tensor numerator, Tensor denominator, double factor)
    {
        using Scalar scalar = factor;
        tensor.addcdiv_(numerator, denominator, scalar);
    }

    /// <summary>The only element of a tensor.</summary>
    public static double Number(this Tensor tensor) => tensor.to(float64).cpu().data<double>()[0];
}
