using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>Integer tile of 6 pixels by 16 outputs for 8-bit weights: activations and weights are 16 bits wide, a product sum of two
/// channels goes straight into 32 bits.</summary>
internal readonly unsafe struct WordTile : ITileKernel
{
    public static int Pixels => 6;
    public static int ExpandedBlockBytes => 128;
    public static int PackedBlockBytes => 64;

    /// <summary>A packed 32-bit lane holds an output's four channels as bytes. Expanded: channels 0 and 1 of the 16 outputs as pairs
    /// of 16 bits, then channels 2 and 3.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void Expand(byte* packed, byte* expanded, int blocks)
    {
        for (; blocks > 0; blocks--, packed += 64, expanded += 128)
            Expand(packed, (short*)expanded);
    }

    /// <summary>One block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Expand(byte* packed, short* expanded)
    {
        for (int half = 0; half < 32; half += 16)
        {
            // In each 32-bit lane: channels 0 and 2, channels 1 and 3, sign-extended to 16 bits.
            Vector256<short> bytes = Vector256.Load((short*)packed + half);
            Vector256<int> even = ((bytes << 8) >> 8).AsInt32(), odd = (bytes >> 8).AsInt32();
            (even & Vector256.Create(0xFFFF) | odd << 16).AsInt16().Store(expanded + half);
            ((even >>> 16) | odd & Vector256.Create(unchecked((int)0xFFFF0000))).AsInt16().Store(expanded + 32 + half);
        }
    }

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        Vector256<int> s0a = default, s0b = default, s1a = default, s1b = default, s2a = default, s2b = default;
        Vector256<int> s3a = default, s3b = default, s4a = default, s4b = default, s5a = default, s5b = default;
        nint end = 8 * (nint)blocks;
        for (int tap = 0; tap < tapCount; tap++, taps += stride)
        {
            byte* p0 = taps[0], p1 = taps[1], p2 = taps[2], p3 = taps[3], p4 = taps[4], p5 = taps[5];
            for (nint c = 0; c < end; c += 8, panel += 128)
            {
                // a: two channels of outputs 0–7, b: of outputs 8–15; then the next two channels.
                Vector256<short> a = Vector256.Load((short*)panel), b = Vector256.Load((short*)panel + 16);
                Add(p0 + c, a, b, ref s0a, ref s0b);
                Add(p1 + c, a, b, ref s1a, ref s1b);
                Add(p2 + c, a, b, ref s2a, ref s2b);
                Add(p3 + c, a, b, ref s3a, ref s3b);
                Add(p4 + c, a, b, ref s4a, ref s4b);
                Add(p5 + c, a, b, ref s5a, ref s5b);
                a = Vector256.Load((short*)panel + 32);
                b = Vector256.Load((short*)panel + 48);
                Add(p0 + c + 4, a, b, ref s0a, ref s0b);
                Add(p1 + c + 4, a, b, ref s1a, ref s1b);
                Add(p2 + c + 4, a, b, ref s2a, ref s2b);
                Add(p3 + c + 4, a, b, ref s3a, ref s3b);
                Add(p4 + c + 4, a, b, ref s4a, ref s4b);
                Add(p5 + c + 4, a, b, ref s5a, ref s5b);
            }
        }

        var y = (int*)sums;
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

    /// <summary>Adds two channels of one pixel, in all lanes, times the weights of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector256<short> a, Vector256<short> b, ref Vector256<int> sumA, ref Vector256<int> sumB)
    {
        Vector256<short> x = Vector256.Create(*(int*)pixel).AsInt16();
        sumA = Dot.Accumulate(sumA, x, a);
        sumB = Dot.Accumulate(sumB, x, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => NibbleTile.Dequantize(sums, constants, lane);
}
