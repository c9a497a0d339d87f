using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Specializer.Kernels;

/// <summary>Sums of adjacent products, the two instructions that integer convolution lives on, for any processor.
/// Callers choose operands whose sums fit, so saturating and wrapping processors agree.</summary>
internal static class Dot
{
    /// <summary>Lane i: a[2i]·b[2i] + a[2i+1]·b[2i+1], in 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Adjacent(Vector256<byte> a, Vector256<sbyte> b)
    {
        if (Avx2.IsSupported) return Avx2.MultiplyAddAdjacent(a, b);
        if (Ssse3.IsSupported)
            return Vector256.Create(Ssse3.MultiplyAddAdjacent(a.GetLower(), b.GetLower()), Ssse3.MultiplyAddAdjacent(a.GetUpper(), b.GetUpper()));
        return Plain(a, b);
    }

    /// <summary>Lane i: a[2i]·b[2i] + a[2i+1]·b[2i+1], in 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Adjacent(Vector256<short> a, Vector256<short> b)
    {
        if (Avx2.IsSupported) return Avx2.MultiplyAddAdjacent(a, b);
        if (Sse2.IsSupported)
            return Vector256.Create(Sse2.MultiplyAddAdjacent(a.GetLower(), b.GetLower()), Sse2.MultiplyAddAdjacent(a.GetUpper(), b.GetUpper()));
        if (AdvSimd.Arm64.IsSupported) return Vector256.Create(Adjacent(a.GetLower(), b.GetLower()), Adjacent(a.GetUpper(), b.GetUpper()));
        return Plain(a, b);
    }

    /// <inheritdoc cref="Adjacent(Vector256{byte}, Vector256{sbyte})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Adjacent(Vector512<byte> a, Vector512<sbyte> b)
    {
        if (Avx512BW.IsSupported) return Avx512BW.MultiplyAddAdjacent(a, b);
        return Vector512.Create(Adjacent(a.GetLower(), b.GetLower()), Adjacent(a.GetUpper(), b.GetUpper()));
    }

    /// <inheritdoc cref="Adjacent(Vector256{short}, Vector256{short})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Adjacent(Vector512<short> a, Vector512<short> b)
    {
        if (Avx512BW.IsSupported) return Avx512BW.MultiplyAddAdjacent(a, b);
        return Vector512.Create(Adjacent(a.GetLower(), b.GetLower()), Adjacent(a.GetUpper(), b.GetUpper()));
    }

    /// <summary>sum + Adjacent(a, b), modulo 2³².</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(Vector256<int> sum, Vector256<short> a, Vector256<short> b)
    {
        if (AvxVnni.IsSupported) return AvxVnni.MultiplyWideningAndAdd(sum, a, b);
        return sum + Adjacent(a, b);
    }

    /// <summary>Arm has the products as two instructions and the sums of neighbours as a third.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Adjacent(Vector128<short> a, Vector128<short> b) =>
        AdvSimd.Arm64.AddPairwise(AdvSimd.MultiplyWideningLower(a.GetLower(), b.GetLower()), AdvSimd.MultiplyWideningUpper(a, b));

    /// <summary>Each 16-bit lane holds two bytes: the even one below, the odd one above.</summary>
    internal static Vector256<short> Plain(Vector256<byte> a, Vector256<sbyte> b)
    {
        Vector256<short> x = a.AsInt16(), y = b.AsInt16();
        return (x & Vector256.Create((short)0xFF)) * ((y << 8) >> 8) + (x >>> 8) * (y >> 8);
    }

    /// <summary>Each 32-bit lane holds two shorts: the even one below, the odd one above.</summary>
    internal static Vector256<int> Plain(Vector256<short> a, Vector256<short> b)
    {
        Vector256<int> x = a.AsInt32(), y = b.AsInt32();
        return ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16);
    }
}
