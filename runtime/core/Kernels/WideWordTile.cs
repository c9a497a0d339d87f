using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary><see cref="WordTile"/> with vectors of 512 bits: 8 pixels by 16 outputs, an accumulator a pixel.</summary>
internal readonly unsafe struct WideWordTile : ITileKernel
{
    public static int Pixels => 8;
    public static int ExpandedBlockBytes => WordTile.ExpandedBlockBytes;
    public static int PackedBlockBytes => WordTile.PackedBlockBytes;

    public static void Expand(byte* packed, byte* expanded, int blocks) => WordTile.Expand(packed, expanded, blocks);

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        nint end = 8 * (nint)blocks;
        for (int tap = 0; tap < tapCount; tap++, taps += stride)
        {
            byte* p0 = taps[0], p1 = taps[1], p2 = taps[2], p3 = taps[3], p4 = taps[4], p5 = taps[5], p6 = taps[6], p7 = taps[7];
            for (nint c = 0; c < end; c += 8, panel += 128)
            {
                // Two channels of the 16 outputs, then the next two.
                Vector512<short> a = Vector512.Load((short*)panel);
                Add(p0 + c, a, ref s0);
                Add(p1 + c, a, ref s1);
                Add(p2 + c, a, ref s2);
                Add(p3 + c, a, ref s3);
                Add(p4 + c, a, ref s4);
                Add(p5 + c, a, ref s5);
                Add(p6 + c, a, ref s6);
                Add(p7 + c, a, ref s7);
                a = Vector512.Load((short*)panel + 32);
                Add(p0 + c + 4, a, ref s0);
                Add(p1 + c + 4, a, ref s1);
                Add(p2 + c + 4, a, ref s2);
                Add(p3 + c + 4, a, ref s3);
                Add(p4 + c + 4, a, ref s4);
                Add(p5 + c + 4, a, ref s5);
                Add(p6 + c + 4, a, ref s6);
                Add(p7 + c + 4, a, ref s7);
            }
        }

        var y = (int*)sums;
        s0.Store(y);
        s1.Store(y + 16);
        s2.Store(y + 32);
        s3.Store(y + 48);
        s4.Store(y + 64);
        s5.Store(y + 80);
        s6.Store(y + 96);
        s7.Store(y + 112);
    }

    /// <summary>Adds two channels of one pixel, in all lanes, times the weights of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector512<short> weights, ref Vector512<int> sum) =>
        sum += Dot.Adjacent(Vector512.Create(*(int*)pixel).AsInt16(), weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => NibbleTile.Dequantize(sums, constants, lane);
}
