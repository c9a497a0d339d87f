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

    /// <summary>to[i] = factors[i]·(row i times two panels): 32 results a row, of which each input serves two products.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void MultiplyTwo(byte** rows, int length, float* one, float* two, float* factors, float** to)
    {
        Vector512<float> s0a = default, s0b = default, s1a = default, s1b = default, s2a = default, s2b = default, s3a = default, s3b = default;
        Vector512<float> s4a = default, s4b = default, s5a = default, s5b = default, s6a = default, s6b = default, s7a = default, s7b = default;
        float* p0 = (float*)rows[0], p1 = (float*)rows[1], p2 = (float*)rows[2], p3 = (float*)rows[3];
        float* p4 = (float*)rows[4], p5 = (float*)rows[5], p6 = (float*)rows[6], p7 = (float*)rows[7];
        for (nint c = 0; c < length; c++, one += 16, two += 16)
        {
            Vector512<float> a = Vector512.Load(one), b = Vector512.Load(two);
            Add(p0[c], a, b, ref s0a, ref s0b);
            Add(p1[c], a, b, ref s1a, ref s1b);
            Add(p2[c], a, b, ref s2a, ref s2b);
            Add(p3[c], a, b, ref s3a, ref s3b);
            Add(p4[c], a, b, ref s4a, ref s4b);
            Add(p5[c], a, b, ref s5a, ref s5b);
            Add(p6[c], a, b, ref s6a, ref s6b);
            Add(p7[c], a, b, ref s7a, ref s7b);
        }

        Store(s0a, s0b, factors[0], to[0]);
        Store(s1a, s1b, factors[1], to[1]);
        Store(s2a, s2b, factors[2], to[2]);
        Store(s3a, s3b, factors[3], to[3]);
        Store(s4a, s4b, factors[4], to[4]);
        Store(s5a, s5b, factors[5], to[5]);
        Store(s6a, s6b, factors[6], to[6]);
        Store(s7a, s7b, factors[7], to[7]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float x, Vector512<float> a, Vector512<float> b, ref Vector512<float> sumA, ref Vector512<float> sumB)
    {
        Vector512<float> lanes = Vector512.Create(x);
        sumA = Vector512.FusedMultiplyAdd(lanes, a, sumA);
        sumB = Vector512.FusedMultiplyAdd(lanes, b, sumB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> a, Vector512<float> b, float factor, float* to)
    {
        (a * Vector512.Create(factor)).Store(to);
        (b * Vector512.Create(factor)).Store(to + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => FloatTile.Dequantize(sums, constants, lane);

    public static bool IsWide => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DequantizeAll(byte* sums, PanelConstants* constants) => Vector512.Load((float*)sums) + Vector512.Load(constants->Bias);
}
