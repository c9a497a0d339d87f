using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>Integer tile of 6 pixels by 16 outputs for 4-bit weights: activations are bytes, products are summed in 16 bits
/// as long as they fit and then moved to 32.</summary>
internal readonly unsafe struct NibbleTile : ITileKernel
{
    /// <summary>Largest magnitude of a 4-bit weight.</summary>
    public const int LargestWeight = 7;

    public static int Pixels => 6;
    public static int ExpandedBlockBytes => 64;
    public static int PackedBlockBytes => 32;

    /// <summary>Low nibbles are outputs 0–7, high ones outputs 8–15; (x ^ 8) − 8 extends the sign.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void Expand(byte* packed, byte* expanded, int blocks)
    {
        Vector256<byte> low = Vector256.Create((byte)0x0F), sign = Vector256.Create((byte)8);
        for (; blocks > 0; blocks--, packed += 32, expanded += 64)
        {
            Vector256<byte> pairs = Vector256.Load(packed);
            (((pairs & low) ^ sign) - sign).Store(expanded);
            (((Vector256.ShiftRightLogical(pairs.AsUInt16(), 4).AsByte() & low) ^ sign) - sign).Store(expanded + 32);
        }
    }

    [MethodImpl(Jit.Kernel)]
    public static void Multiply(byte** taps, int stride, int tapCount, int blocks, NarrowRuns runs, byte* panel, byte* sums)
    {
        nint end = 4 * (nint)blocks, run = 4 * (nint)runs.Blocks;
        int left = runs.FlushAfter;
        var y = (int*)sums;
        for (int i = 0; i < 96; i += 8) Vector256<int>.Zero.Store(y + i);

        Vector256<short> s0a = default, s0b = default, s1a = default, s1b = default, s2a = default, s2b = default;
        Vector256<short> s3a = default, s3b = default, s4a = default, s4b = default, s5a = default, s5b = default;
        for (int tap = 1; tap <= tapCount; tap++, taps += stride)
        {
            byte* p0 = taps[0], p1 = taps[1], p2 = taps[2], p3 = taps[3], p4 = taps[4], p5 = taps[5];
            for (nint c = 0; c < end;)
            {
                nint stop = Math.Min(c + run, end);
                for (; c < stop - 4; c += 8, panel += 128)
                {
                    // a: four channels of outputs 0–7, b: of outputs 8–15; then the next four channels.
                    Vector256<sbyte> a = Vector256.Load((sbyte*)panel), b = Vector256.Load((sbyte*)panel + 32);
                    Add(p0 + c, a, b, ref s0a, ref s0b);
                    Add(p1 + c, a, b, ref s1a, ref s1b);
                    Add(p2 + c, a, b, ref s2a, ref s2b);
                    Add(p3 + c, a, b, ref s3a, ref s3b);
                    Add(p4 + c, a, b, ref s4a, ref s4b);
                    Add(p5 + c, a, b, ref s5a, ref s5b);
                    a = Vector256.Load((sbyte*)panel + 64);
                    b = Vector256.Load((sbyte*)panel + 96);
                    Add(p0 + c + 4, a, b, ref s0a, ref s0b);
                    Add(p1 + c + 4, a, b, ref s1a, ref s1b);
                    Add(p2 + c + 4, a, b, ref s2a, ref s2b);
                    Add(p3 + c + 4, a, b, ref s3a, ref s3b);
                    Add(p4 + c + 4, a, b, ref s4a, ref s4b);
                    Add(p5 + c + 4, a, b, ref s5a, ref s5b);
                }

                if (c < stop)
                {
                    Vector256<sbyte> a = Vector256.Load((sbyte*)panel), b = Vector256.Load((sbyte*)panel + 32);
                    Add(p0 + c, a, b, ref s0a, ref s0b);
                    Add(p1 + c, a, b, ref s1a, ref s1b);
                    Add(p2 + c, a, b, ref s2a, ref s2b);
                    Add(p3 + c, a, b, ref s3a, ref s3b);
                    Add(p4 + c, a, b, ref s4a, ref s4b);
                    Add(p5 + c, a, b, ref s5a, ref s5b);
                    c += 4;
                    panel += 64;
                }

                if (--left > 0 && (tap < tapCount || c < end)) continue;
                left = runs.FlushAfter;
                Flush(s0a, y);
                Flush(s0b, y + 8);
                Flush(s1a, y + 16);
                Flush(s1b, y + 24);
                Flush(s2a, y + 32);
                Flush(s2b, y + 40);
                Flush(s3a, y + 48);
                Flush(s3b, y + 56);
                Flush(s4a, y + 64);
                Flush(s4b, y + 72);
                Flush(s5a, y + 80);
                Flush(s5b, y + 88);
                s0a = s0b = s1a = s1b = s2a = s2b = s3a = s3b = s4a = s4b = s5a = s5b = default;
            }
        }
    }

    /// <summary>Adds four channels of one pixel, in all lanes, times the weights of 16 outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* pixel, Vector256<sbyte> a, Vector256<sbyte> b, ref Vector256<short> sumA, ref Vector256<short> sumB)
    {
        Vector256<byte> x = Vector256.Create(*(int*)pixel).AsByte();
        sumA += Dot.Adjacent(x, a);
        sumB += Dot.Adjacent(x, b);
    }

    /// <summary>Adds both halves of each output's 16-bit sums to its 32-bit one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Flush(Vector256<short> narrow, int* wide) =>
        (Vector256.Load(wide) + Dot.Adjacent(narrow, Vector256<short>.One)).Store(wide);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dequantize(byte* sums, PanelConstants* constants, int lane) => Vector256.FusedMultiplyAdd(
        Vector256.ConvertToSingle(Vector256.Load((int*)sums + lane) - Vector256.Load(constants->Correction + lane)),
        Vector256.Load(constants->Scale + lane), Vector256.Load(constants->Bias + lane));
}
