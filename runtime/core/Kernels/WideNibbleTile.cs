using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary><see cref="NibbleTile"/> with vectors of 512 bits: 16 pixels by 16 outputs, an accumulator a pixel. A lane's products and their order are the same, and so is how long they fit.</summary>
internal readonly unsafe struct WideNibbleTile : ITileKernel
{
    public static int Pixels => 16;
    public static int ExpandedBlockBytes => NibbleTile.ExpandedBlockBytes;
    public static int PackedBlockBytes => NibbleTile.PackedBlockBytes;

    public static void Expand(byte* packed, byte* expanded, int blocks) => NibbleTile.Expand(packed, expanded, blocks);

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        nint end = 4 * (nint)blocks, run = 4 * (nint)runs.Blocks;
        int left = runs.FlushAfter;
        var y = (int*)sums;
        for (int i = 0; i < 256; i += 16) Vector512<int>.Zero.Store(y + i);

        Vector512<short> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        Vector512<short> s8 = default, s9 = default, s10 = default, s11 = default, s12 = default, s13 = default, s14 = default, s15 = default;
        for (int tap = 1; tap <= tapCount; tap++, taps += stride)
        {
            byte* p0 = taps[0], p1 = taps[1], p2 = taps[2], p3 = taps[3], p4 = taps[4], p5 = taps[5], p6 = taps[6], p7 = taps[7];
            byte* p8 = taps[8], p9 = taps[9], p10 = taps[10], p11 = taps[11], p12 = taps[12], p13 = taps[13], p14 = taps[14], p15 = taps[15];
            for (nint c = 0; c < end;)
            {
                nint stop = Math.Min(c + run, end);
                for (; c < stop; c += 4, panel += 64)
                {
                    // Four channels of the 16 outputs.
                    Vector512<sbyte> a = Vector512.Load((sbyte*)panel);
                    Add(p0 + c, a, ref s0);
                    Add(p1 + c, a, ref s1);
                    Add(p2 + c, a, ref s2);
                    Add(p3 + c, a, ref s3);
                    Add(p4 + c, a, ref s4);
                    Add(p5 + c, a, ref s5);
                    Add(p6 + c, a, ref s6);
                    Add(p7 + c, a, ref s7);
                    Add(p8 + c, a, ref s8);
                    Add(p9 + c, a, ref s9);
                    Add(p10 + c, a, ref s10);
                    Add(p11 + c, a, ref s11);
                    Add(p12 + c, a, ref s12);
                    Add(p13 + c, a, ref s13);
                    Add(p14 + c, a, ref s14);
                    Add(p15 + c, a, ref s15);
                }

                if (--left > 0 && (tap < tapCount || c < end)) continue;
                left = runs.FlushAfter;
                Flush(s0, y);
                Flush(s1, y + 16);
                Flush(s2, y + 32);
                Flush(s3, y + 48);
                Flush(s4, y + 64);
                Flush(s5, y + 80);
                Flush(s6, y + 96);
                Flush(s7, y + 112);
                Flush(s8, y + 128);
                Flush(s9, y + 144);
                Flush(s10, y + 160);
                Flush(s11, y + 176);
                Flush(s12, y + 192);
                Flush(s13, y + 208);
                Flush(s14, y + 224);
                Flush(s15, y + 240);
                s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = s10 = s11 = s12 = s13 = s14 = s15 = default;
            }
        }
    }

    /// <summary>Adds four channels of one pixel, in all lanes, times the weights of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector512<sbyte> weights, ref Vector512<short> sum) =>
        sum += Dot.Adjacent(Vector512.Create(*(int*)pixel).AsByte(), weights);

    /// <summary>Adds both halves of each output's 16-bit sums to its 32-bit one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Flush(Vector512<short> narrow, int* wide) =>
        (Vector512.Load(wide) + Dot.Adjacent(narrow, Vector512<short>.One)).Store(wide);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => NibbleTile.Dequantize(sums, constants, lane);

    public static bool IsWide => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DequantizeAll(byte* sums, PanelConstants* constants) => Vector512.FusedMultiplyAdd(
        Vector512.ConvertToSingle(Vector512.Load((int*)sums) - Vector512.Load(constants->Correction)), Vector512.Load(constants->Scale), Vector512.Load(constants->Bias));
}
