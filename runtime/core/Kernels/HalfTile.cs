using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>The tile of FP32 for weights that are stored in FP16: a panel is widened once for a block of pixels, so that memory gives half the bytes and the result has FP32's bits.</summary>
/// <typeparam name="TTile">Of FP32.</typeparam>
internal readonly unsafe struct HalfTile<TTile> : ITileKernel
    where TTile : struct, ITileKernel
{
    public static int Pixels => TTile.Pixels;
    public static int ExpandedBlockBytes => TTile.PackedBlockBytes;
    public static int PackedBlockBytes => TTile.PackedBlockBytes / 2;

    [MethodImpl(Jit.Kernel)]
    public static void Expand(byte* packed, byte* expanded, int blocks)
    {
        for (; blocks > 0; blocks--, packed += PackedBlockBytes, expanded += ExpandedBlockBytes)
        {
            Halves.Widen(packed).Store((float*)expanded);
            Halves.Widen(packed + PackedBlockBytes / 2).Store((float*)expanded + 8);
        }
    }

    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums) =>
        TTile.Multiply(taps, stride, tapCount, blocks, runs, panel, sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => TTile.Dequantize(sums, constants, lane);

    public static bool IsWide => TTile.IsWide;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DequantizeAll(byte* sums, PanelConstants* constants) => TTile.DequantizeAll(sums, constants);
}
