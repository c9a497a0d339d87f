using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>F(2×2, 3×3) with the points 0, 1, −1 and ∞: 16 products for four outputs, four of the direct form's nine.</summary>
/// <remarks>
/// A transformed input is a sum or difference of at most four of 255: 11 signed bits. G holds halves, so 2G is used on both sides: a transformed weight is at most nine times a weight,
/// 12 signed bits, and the result is four times the sum.
/// </remarks>
internal readonly unsafe struct Winograd2<TSource> : IWinogradForm
    where TSource : struct, IWinogradSource
{
    public static int Tile => 2;
    public static int Shift => 2;
    public static float WeightCost => 9f;
    public static float InputCost => 0.6f;
    public static float OutputCost => 3f;
    public static int PackedBlockBytes => TSource.PackedBlockBytes;
    public static int WeightBlockBytes => Winograd.BlockWords * sizeof(short);
    public static int InputBlockBytes => 4 * sizeof(short);

    [MethodImpl(Jit.Kernel)]
    public static void TransformInput(byte** patch, int stride, int blocks, byte* result, nint distance)
    {
        // Rows of Bᵀ: d0 − d2, d1 + d2, d2 − d1, d1 − d3.
        Row(patch, patch + 8 * stride, stride, false, 4 * blocks, result, distance);
        Row(patch + 4 * stride, patch + 8 * stride, stride, true, 4 * blocks, result + 4 * distance, distance);
        Row(patch + 8 * stride, patch + 4 * stride, stride, false, 4 * blocks, result + 8 * distance, distance);
        Row(patch + 4 * stride, patch + 12 * stride, stride, false, 4 * blocks, result + 12 * distance, distance);
    }

    /// <summary>Sum or difference of two rows of the patch, times B.</summary>
    [MethodImpl(Jit.Kernel)]
    private static void Row(byte** one, byte** two, int stride, bool add, int channels, byte* result, nint distance)
    {
        byte* a0 = one[0], a1 = one[stride], a2 = one[2 * stride], a3 = one[3 * stride];
        byte* b0 = two[0], b1 = two[stride], b2 = two[2 * stride], b3 = two[3 * stride];
        for (int next = 0; next < channels; next += 16)
        {
            int c = Math.Min(next, channels - 16); // The last sixteen may overlap those before.
            Vector256<short> t0 = Combine(a0, b0, c, add), t1 = Combine(a1, b1, c, add), t2 = Combine(a2, b2, c, add), t3 = Combine(a3, b3, c, add);
            (t0 - t2).Store((short*)result + c);
            (t1 + t2).Store((short*)(result + distance) + c);
            (t2 - t1).Store((short*)(result + 2 * distance) + c);
            (t1 - t3).Store((short*)(result + 3 * distance) + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Combine(byte* a, byte* b, int channel, bool add) =>
        add ? TSource.Load(a, channel) + TSource.Load(b, channel) : TSource.Load(a, channel) - TSource.Load(b, channel);

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformWeights(byte* packed, int blocks, byte* result, nint distance)
    {
        short* taps = stackalloc short[9 * Winograd.BlockWords];
        for (int block = 0; block < blocks; block++, result += WeightBlockBytes)
        {
            Winograd.Expand<TSource>(packed, block, blocks, taps);
            for (int lane = 0; lane < Winograd.BlockWords; lane += 16)
            {
                short* g = taps + lane;
                byte* r = result + lane * sizeof(short);
                Column(Tap(g, 0), Tap(g, 3), Tap(g, 6), out Vector256<short> a0, out Vector256<short> a1, out Vector256<short> a2, out Vector256<short> a3);
                Column(Tap(g, 1), Tap(g, 4), Tap(g, 7), out Vector256<short> b0, out Vector256<short> b1, out Vector256<short> b2, out Vector256<short> b3);
                Column(Tap(g, 2), Tap(g, 5), Tap(g, 8), out Vector256<short> c0, out Vector256<short> c1, out Vector256<short> c2, out Vector256<short> c3);
                StoreRow(a0, b0, c0, r, distance);
                StoreRow(a1, b1, c1, r + 4 * distance, distance);
                StoreRow(a2, b2, c2, r + 8 * distance, distance);
                StoreRow(a3, b3, c3, r + 12 * distance, distance);
            }
        }
    }

    private static Vector256<short> Tap(short* taps, int tap) => Vector256.Load(taps + tap * Winograd.BlockWords);

    /// <summary>2G times a column: 2a, a + b + c, a − b + c, 2c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(Vector256<short> a, Vector256<short> b, Vector256<short> c,
        out Vector256<short> r0, out Vector256<short> r1, out Vector256<short> r2, out Vector256<short> r3)
    {
        Vector256<short> sum = a + c;
        (r0, r1, r2, r3) = (a + a, sum + b, sum - b, c + c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(Vector256<short> a, Vector256<short> b, Vector256<short> c, byte* result, nint distance)
    {
        Column(a, b, c, out Vector256<short> r0, out Vector256<short> r1, out Vector256<short> r2, out Vector256<short> r3);
        r0.Store((short*)result);
        r1.Store((short*)(result + distance));
        r2.Store((short*)(result + 2 * distance));
        r3.Store((short*)(result + 3 * distance));
    }

    [MethodImpl(Jit.Kernel)]
    public static void TransformOutput(byte* products, nint distance, byte* result)
    {
        var sums = (int*)result;
        for (int lane = 0; lane < ConvolutionGeometry.PanelWidth; lane += 8, products += 8 * sizeof(int), sums += 8)
        {
            Output(products, distance, out Vector256<int> t0, out Vector256<int> b0);
            Output(products + distance, distance, out Vector256<int> t1, out Vector256<int> b1);
            Output(products + 2 * distance, distance, out Vector256<int> t2, out Vector256<int> b2);
            Output(products + 3 * distance, distance, out Vector256<int> t3, out Vector256<int> b3);
            ((t0 + t1 + t2) >> 2).Store(sums);
            ((t1 - t2 - t3) >> 2).Store(sums + ConvolutionGeometry.PanelWidth);
            ((b0 + b1 + b2) >> 2).Store(sums + 2 * ConvolutionGeometry.PanelWidth);
            ((b1 - b2 - b3) >> 2).Store(sums + 3 * ConvolutionGeometry.PanelWidth);
        }
    }

    /// <summary>Aᵀ times a column: m0 + m1 + m2 above, m1 − m2 − m3 below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Output(byte* column, nint distance, out Vector256<int> top, out Vector256<int> bottom)
    {
        Vector256<int> one = Vector256.Load((int*)(column + 4 * distance)), two = Vector256.Load((int*)(column + 8 * distance));
        top = Vector256.Load((int*)column) + one + two;
        bottom = one - two - Vector256.Load((int*)(column + 12 * distance));
    }
}
