using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>The CPU's quantizer: round(clamp(x / scale)) + zero point, ties to even; not-a-number becomes the zero point.</summary>
internal struct AffineQuantizer
{
    private const float RoundingBias = 12582912f;

    public float Inverse, Least, Most;
    public int ZeroPoint;

    public static AffineQuantizer Of(Quantization to) =>
        new() { Inverse = 1f / to.Scale, Least = -to.ZeroPoint, Most = to.Levels - to.ZeroPoint, ZeroPoint = to.ZeroPoint };

    public readonly int Round(float x)
    {
        x = ExactMath.Multiply(x, Inverse);
        if (!(x >= Least)) x = x < Least ? Least : 0f;
        if (x > Most) x = Most;
        return (int)Interop.FloatAsInt(x + RoundingBias) - 0x4B400000 + ZeroPoint;
    }
}
