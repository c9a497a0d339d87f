using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Specializer.Kernels;

/// <summary>An instruction that adds four products of bytes to a 32-bit lane, as <see cref="DotTile{TDot}"/> needs it.</summary>
internal interface IQuadDot
{
    static abstract bool IsSupported { get; }

    /// <summary>What is taken off every activation before it is multiplied; the zero point is that much lower.</summary>
    static abstract int Offset { get; }

    /// <summary>Lane i: sum[i] + Σ over j of (a[4i + j] − Offset)·b[4i + j], modulo 2³².</summary>
    static abstract Vector256<int> Accumulate(Vector256<int> sum, Vector256<byte> a, Vector256<sbyte> b);
}

/// <summary>AVX-VNNI's vpdpbusd.</summary>
internal readonly struct VnniDot : IQuadDot
{
    public static bool IsSupported => AvxVnni.IsSupported;
    public static int Offset => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(Vector256<int> sum, Vector256<byte> a, Vector256<sbyte> b) => AvxVnni.MultiplyWideningAndAdd(sum, a, b);
}

/// <summary>Arm's sdot, whose bytes are both signed: flipping an activation's highest bit takes 128 off it.</summary>
internal readonly struct ArmDot : IQuadDot
{
    public static bool IsSupported => Dp.IsSupported;
    public static int Offset => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Accumulate(Vector256<int> sum, Vector256<byte> a, Vector256<sbyte> b)
    {
        Vector256<sbyte> x = (a ^ Vector256.Create((byte)128)).AsSByte();
        return Vector256.Create(Dp.DotProduct(sum.GetLower(), x.GetLower(), b.GetLower()), Dp.DotProduct(sum.GetUpper(), x.GetUpper(), b.GetUpper()));
    }
}
