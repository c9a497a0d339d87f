using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>Integer tile of 6 pixels by 16 outputs for 4-bit weights where one instruction multiplies four channels and adds them to 32 bits;
/// panels as in <see cref="NibbleTile"/>, whose 16-bit sums are not needed. The sums are those of activations less the instruction's offset.</summary>
internal readonly unsafe struct DotTile<TDot> : ITileKernel
    where TDot : struct, IQuadDot
{
    public static int Pixels => 6;
    public static int ExpandedBlockBytes => NibbleTile.ExpandedBlockBytes;
    public static int PackedBlockBytes => NibbleTile.PackedBlockBytes;

    public static void Expand(byte* packed, byte* expanded, int blocks) => NibbleTile.Expand(packed, expanded, blocks);

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        Vector256<int> s0a = default, s0b = default, s1a = default, s1b = default, s2a = default, s2b = default;
        Vector256<int> s3a = default, s3b = default, s4a = default, s4b = default, s5a = default, s5b = default;
        nint end = 4 * (nint)blocks;
        for (int tap = 0; tap < tapCount; tap++, taps += stride)
        {
            byte* p0 = taps[0], p1 = taps[1], p2 = taps[2], p3 = taps[3], p4 = taps[4], p5 = taps[5];
            for (nint c = 0; c < end; c += 4, panel += 64)
            {
                // a: four channels of outputs 0–7, b: of outputs 8–15.
                Vector256<sbyte> a = Vector256.Load((sbyte*)panel), b = Vector256.Load((sbyte*)panel + 32);
                Add(p0 + c, a, b, ref s0a, ref s0b);
                Add(p1 + c, a, b, ref s1a, ref s1b);
                Add(p2 + c, a, b, ref s2a, ref s2b);
                Add(p3 + c, a, b, ref s3a, ref s3b);
                Add(p4 + c, a, b, ref s4a, ref s4b);
                Add(p5 + c, a, b, ref s5a, ref s5b);
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

    /// <summary>Adds four channels of one pixel, in all lanes, times the weights of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector256<sbyte> a, Vector256<sbyte> b, ref Vector256<int> sumA, ref Vector256<int> sumB)
    {
        Vector256<byte> x = Vector256.Create(*(int*)pixel).AsByte();
        sumA = TDot.Accumulate(sumA, x, a);
        sumB = TDot.Accumulate(sumB, x, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => NibbleTile.Dequantize(sums, constants, lane);
}
