using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>What weights in floating point are stored in, before Winograd's transformation makes FP32 numbers of them.</summary>
internal unsafe interface IFloatSource
{
    /// <summary>Bytes of a number.</summary>
    static abstract int ElementBytes { get; }

    /// <summary>Eight numbers.</summary>
    static abstract Vector256<float> Load(byte* numbers);
}

/// <summary>FP32.</summary>
internal readonly unsafe struct FloatSource : IFloatSource
{
    public static int ElementBytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* numbers) => Vector256.Load((float*)numbers);
}

/// <summary>FP16.</summary>
internal readonly unsafe struct HalfSource : IFloatSource
{
    public static int ElementBytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* numbers) => Halves.Widen(numbers);
}
