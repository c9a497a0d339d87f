using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary><see cref="FloatTile"/> with vectors of 512 bits: 8 pixels by 16 outputs, an accumulator a pixel. Each lane's sequence is the same, so the bits are.</summary>
internal readonly unsafe struct WideFloatTile : ITileKernel
{
    public static int Pixels => 8;
    public static int ExpandedBlockBytes => 0;
    public static int PackedBlockBytes => FloatTile.PackedBlockBytes;

    public static void Expand(byte* packed, byte* expanded, int blocks) => FloatTile.Expand(packed, expanded, blocks);

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        var w = (float*)panel;
        for (int tap = 0; tap < tapCount; tap++, taps += stride)
        {
            float* p0 = (float*)taps[0], p1 = (float*)taps[1], p2 = (float*)taps[2], p3 = (float*)taps[3];
            float* p4 = (float*)taps[4], p5 = (float*)taps[5], p6 = (float*)taps[6], p7 = (float*)taps[7];
            for (nint c = 0; c < blocks; c++, w += 16)
            {
                Vector512<float> a = Vector512.Load(w);
                s0 = Vector512.FusedMultiplyAdd(Vector512.Create(p0[c]), a, s0);
                s1 = Vector512.FusedMultiplyAdd(Vector512.Create(p1[c]), a, s1);
                s2 = Vector512.FusedMultiplyAdd(Vector512.Create(p2[c]), a, s2);
                s3 = Vector512.FusedMultiplyAdd(Vector512.Create(p3[c]), a, s3);
                s4 = Vector512.FusedMultiplyAdd(Vector512.Create(p4[c]), a, s4);
                s5 = Vector512.FusedMultiplyAdd(Vector512.Create(p5[c]), a, s5);
                s6 = Vector512.FusedMultiplyAdd(Vector512.Create(p6[c]), a, s6);
                s7 = Vector512.FusedMultiplyAdd(Vector512.Create(p7[c]), a, s7);
            }
        }

        var y = (float*)sums;
        s0.Store(y);
        s1.Store(y + 16);
        s2.Store(y + 32);
        s3.Store(y + 48);
        s4.Store(y + 64);
        s5.Store(y + 80);
        s6.Store(y + 96);
        s7.Store(y + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => FloatTile.Dequantize(sums, constants, lane);
}
