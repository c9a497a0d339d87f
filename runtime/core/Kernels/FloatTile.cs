using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>FP32 tile of 6 pixels by 16 outputs: twelve accumulators of eight lanes, one lane per output.
/// Every lane adds its products in the order of the weights, so tile and vector width leave no trace in the result.</summary>
internal readonly unsafe struct FloatTile : ITileKernel
{
    public static int Pixels => 6;
    public static int ExpandedBlockBytes => 0;
    public static int PackedBlockBytes => 64;

    public static void Expand(byte* packed, byte* expanded, int blocks) => throw new NotSupportedException("FP32 panels are read in place.");

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        Vector256<float> s0a = default, s0b = default, s1a = default, s1b = default, s2a = default, s2b = default;
        Vector256<float> s3a = default, s3b = default, s4a = default, s4b = default, s5a = default, s5b = default;
        var w = (float*)panel;
        for (int tap = 0; tap < tapCount; tap++, taps += stride)
        {
            float* p0 = (float*)taps[0], p1 = (float*)taps[1], p2 = (float*)taps[2], p3 = (float*)taps[3], p4 = (float*)taps[4], p5 = (float*)taps[5];
            for (nint c = 0; c < blocks; c++, w += 16)
            {
                // a: outputs 0–7, b: outputs 8–15; x: one input value in all lanes.
                Vector256<float> a = Vector256.Load(w), b = Vector256.Load(w + 8), x;
                x = Vector256.Create(p0[c]);
                s0a = Vector256.FusedMultiplyAdd(x, a, s0a);
                s0b = Vector256.FusedMultiplyAdd(x, b, s0b);
                x = Vector256.Create(p1[c]);
                s1a = Vector256.FusedMultiplyAdd(x, a, s1a);
                s1b = Vector256.FusedMultiplyAdd(x, b, s1b);
                x = Vector256.Create(p2[c]);
                s2a = Vector256.FusedMultiplyAdd(x, a, s2a);
                s2b = Vector256.FusedMultiplyAdd(x, b, s2b);
                x = Vector256.Create(p3[c]);
                s3a = Vector256.FusedMultiplyAdd(x, a, s3a);
                s3b = Vector256.FusedMultiplyAdd(x, b, s3b);
                x = Vector256.Create(p4[c]);
                s4a = Vector256.FusedMultiplyAdd(x, a, s4a);
                s4b = Vector256.FusedMultiplyAdd(x, b, s4b);
                x = Vector256.Create(p5[c]);
                s5a = Vector256.FusedMultiplyAdd(x, a, s5a);
                s5b = Vector256.FusedMultiplyAdd(x, b, s5b);
            }
        }

        var y = (float*)sums;
        s0a.Store(y);
        s0b.Store(y + 8);
        s1a.Store(y + 16);
        s1b.Store(y + 24);
        s2a.Store(y + 32);
        s2b.Store(y + 40);
        s3a.Store(y + 48);
        s3b.Store(y + 56);
        s4a.Store(y + 64);
        s4b.Store(y + 72);
        s5a.Store(y + 80);
        s5b.Store(y + 88);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) =>
        Vector256.Load((float*)sums + lane) + Vector256.Load(constants->Bias + lane);
}
