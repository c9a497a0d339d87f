using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>The tile of FP32 for weights that are stored in FP16: a panel is widened once for a block of pixels, so that memory gives half the bytes and the result has FP32's bits.</summary>
internal readonly unsafe struct HalfTile : ITileKernel
{
    public static int Pixels => FloatTile.Pixels;
    public static int ExpandedBlockBytes => FloatTile.PackedBlockBytes;
    public static int PackedBlockBytes => FloatTile.PackedBlockBytes / 2;

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
        FloatTile.Multiply(taps, stride, tapCount, blocks, runs, panel, sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => FloatTile.Dequantize(sums, constants, lane);
}
