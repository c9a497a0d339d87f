using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary><see cref="WideNibbleTile"/> for maps of few pixels: 4 pixels by 16 outputs. So few would not pay for a pass over a panel that expands its weights; they are expanded as they are multiplied.</summary>
internal readonly unsafe struct WideFewTile : ITileKernel
{
    /// <summary>Most pixels of all images for which this tile is quicker: a tile of 16 pixels takes as long as three of four.</summary>
    public const int MostPixels = 8;

    public static int Pixels => 4;
    public static int ExpandedBlockBytes => 0;
    public static int PackedBlockBytes => NibbleTile.PackedBlockBytes;

    public static void Expand(byte* packed, byte* expanded, int blocks) => throw new NotSupportedException();

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        nint end = 4 * (nint)blocks, run = 4 * (nint)runs.Blocks;
        int left = runs.FlushAfter;
        Vector512<int> y0 = default, y1 = default, y2 = default, y3 = default;
        Vector512<short> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int tap = 1; tap <= tapCount; tap++, taps += stride)
        {
            byte* p0 = taps[0], p1 = taps[1], p2 = taps[2], p3 = taps[3];
            for (nint c = 0; c < end;)
            {
                nint stop = Math.Min(c + run, end);
                for (; c < stop; c += 4, panel += 32)
                {
                    Vector512<sbyte> a = Weights(panel);
                    s0 += Dot.Adjacent(Inputs(p0 + c), a);
                    s1 += Dot.Adjacent(Inputs(p1 + c), a);
                    s2 += Dot.Adjacent(Inputs(p2 + c), a);
                    s3 += Dot.Adjacent(Inputs(p3 + c), a);
                }

                if (--left > 0 && (tap < tapCount || c < end)) continue;
                left = runs.FlushAfter;
                y0 += Dot.Adjacent(s0, Vector512<short>.One);
                y1 += Dot.Adjacent(s1, Vector512<short>.One);
                y2 += Dot.Adjacent(s2, Vector512<short>.One);
                y3 += Dot.Adjacent(s3, Vector512<short>.One);
                s0 = s1 = s2 = s3 = default;
            }
        }

        y0.Store((int*)sums);
        y1.Store((int*)sums + 16);
        y2.Store((int*)sums + 32);
        y3.Store((int*)sums + 48);
    }

    /// <summary>Four channels of 16 outputs, as <see cref="NibbleTile.Expand"/> makes them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Weights(byte* packed)
    {
        Vector256<byte> pairs = Vector256.Load(packed);
        Vector512<byte> nibbles = Vector512.Create(pairs, Vector256.ShiftRightLogical(pairs.AsUInt16(), 4).AsByte()), sign = Vector512.Create((byte)8);
        return (((nibbles & Vector512.Create((byte)0x0F)) ^ sign) - sign).AsSByte();
    }

    /// <summary>Four channels of one pixel, in all lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Inputs(byte* pixel) => Vector512.Create(*(int*)pixel).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => NibbleTile.Dequantize(sums, constants, lane);

    public static bool IsWide => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DequantizeAll(byte* sums, PanelConstants* constants) => WideNibbleTile.DequantizeAll(sums, constants);
}
