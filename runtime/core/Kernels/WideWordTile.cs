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

    public static bool Pairs => true;

    [MethodImpl(Jit.Kernel)]
    public static void MultiplyTwo(byte** rows, int blocks, byte* one, byte* two, byte* sums, byte* sumsOfTwo)
    {
        Vector512<int> s0a = default, s0b = default, s1a = default, s1b = default, s2a = default, s2b = default, s3a = default, s3b = default;
        Vector512<int> s4a = default, s4b = default, s5a = default, s5b = default, s6a = default, s6b = default, s7a = default, s7b = default;
        byte* p0 = rows[0], p1 = rows[1], p2 = rows[2], p3 = rows[3], p4 = rows[4], p5 = rows[5], p6 = rows[6], p7 = rows[7];
        // Two channels of 16 outputs of each panel a turn.
        nint end = 8 * (nint)blocks;
        for (nint c = 0; c < end; c += 4, one += 64, two += 64)
        {
            Vector512<short> a = Vector512.Load((short*)one), b = Vector512.Load((short*)two);
            Add(p0 + c, a, b, ref s0a, ref s0b);
            Add(p1 + c, a, b, ref s1a, ref s1b);
            Add(p2 + c, a, b, ref s2a, ref s2b);
            Add(p3 + c, a, b, ref s3a, ref s3b);
            Add(p4 + c, a, b, ref s4a, ref s4b);
            Add(p5 + c, a, b, ref s5a, ref s5b);
            Add(p6 + c, a, b, ref s6a, ref s6b);
            Add(p7 + c, a, b, ref s7a, ref s7b);
        }

        s0a.Store((int*)sums);
        s0b.Store((int*)sumsOfTwo);
        s1a.Store((int*)sums + 16);
        s1b.Store((int*)sumsOfTwo + 16);
        s2a.Store((int*)sums + 32);
        s2b.Store((int*)sumsOfTwo + 32);
        s3a.Store((int*)sums + 48);
        s3b.Store((int*)sumsOfTwo + 48);
        s4a.Store((int*)sums + 64);
        s4b.Store((int*)sumsOfTwo + 64);
        s5a.Store((int*)sums + 80);
        s5b.Store((int*)sumsOfTwo + 80);
        s6a.Store((int*)sums + 96);
        s6b.Store((int*)sumsOfTwo + 96);
        s7a.Store((int*)sums + 112);
        s7b.Store((int*)sumsOfTwo + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector512<short> a, Vector512<short> b, ref Vector512<int> sumA, ref Vector512<int> sumB)
    {
        Vector512<short> x = Vector512.Create(*(int*)pixel).AsInt16();
        sumA += Dot.Adjacent(x, a);
        sumB += Dot.Adjacent(x, b);
    }

    /// <summary>Adds two channels of one pixel, in all lanes, times the weights of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector512<short> weights, ref Vector512<int> sum) =>
        sum += Dot.Adjacent(Vector512.Create(*(int*)pixel).AsInt16(), weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => NibbleTile.Dequantize(sums, constants, lane);

    public static bool IsWide => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DequantizeAll(byte* sums, PanelConstants* constants) => WideNibbleTile.DequantizeAll(sums, constants);
}
