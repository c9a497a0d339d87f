using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>FP16 numbers made FP32, which is exact. In integer arithmetic: .NET has no instruction for it, and every processor gives the same bits.</summary>
internal static unsafe class Halves
{
    // FP32's exponent is biased by 112 more than FP16's.
    private const int Bias = 112 << 23;

    /// <summary>Eight numbers, all finite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(byte* halves)
    {
        Vector256<int> bits = Vector256.WidenLower(Vector128.Load((ushort*)halves).ToVector256Unsafe()).AsInt32();
        Vector256<int> magnitude = (bits & Vector256.Create(0x7FFF)) << 13;
        Vector256<float> normal = (magnitude + Vector256.Create(Bias)).AsSingle();
        // A subnormal number has no leading one: it is given one of the exponent's worth, which is subtracted again.
        Vector256<int> leading = Vector256.Create(Bias + (1 << 23));
        Vector256<float> subnormal = (magnitude + leading).AsSingle() - leading.AsSingle();
        Vector256<float> value = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(1 << 23)).AsSingle(), subnormal, normal);
        return value | ((bits & Vector256.Create(0x8000)) << 16).AsSingle();
    }

    /// <summary>One number, finite.</summary>
    public static float Widen(ushort half) => (float)BitConverter.UInt16BitsToHalf(half);
}
