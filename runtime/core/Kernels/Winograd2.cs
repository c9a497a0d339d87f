using System.Runtime.CompilerServices;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>F(2×2, 3×3) with the points 0, 1, −1 and ∞: 16 products for four outputs, four of the direct form's nine.</summary>
/// <remarks>
/// A transformed input is a sum or difference of at most four of 255: 11 signed bits. G holds halves, so 2G is used on both sides: a transformed weight is at most nine times a weight,
/// 12 signed bits, and the result is four times the sum.
/// </remarks>
/// <typeparam name="TSource">What activations and weights are stored in.</typeparam>
/// <typeparam name="TWords">Vectors that inputs and weights are transformed in.</typeparam>
/// <typeparam name="TSums">Those of the same width for the sums.</typeparam>
internal readonly unsafe struct Winograd2<TSource, TWords, TSums> : IWinogradForm
    where TSource : struct, IWinogradSource
    where TWords : unmanaged, ILanes<TWords, short>
    where TSums : unmanaged, ILanes<TSums, int>
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
        for (int next = 0; next < channels; next += TWords.Count)
        {
            int c = Math.Min(next, channels - TWords.Count); // The last ones may overlap those before.
            TWords t0 = Combine(a0, b0, c, add), t1 = Combine(a1, b1, c, add), t2 = Combine(a2, b2, c, add), t3 = Combine(a3, b3, c, add);
            (t0 - t2).Store((short*)result + c);
            (t1 + t2).Store((short*)(result + distance) + c);
            (t2 - t1).Store((short*)(result + 2 * distance) + c);
            (t1 - t3).Store((short*)(result + 3 * distance) + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TWords Combine(byte* a, byte* b, int channel, bool add) =>
        add ? TSource.Load<TWords>(a, channel) + TSource.Load<TWords>(b, channel) : TSource.Load<TWords>(a, channel) - TSource.Load<TWords>(b, channel);

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformWeights(byte* packed, int blocks, byte* result, nint distance)
    {
        short* taps = stackalloc short[9 * Winograd.BlockWords];
        for (int block = 0; block < blocks; block++, result += WeightBlockBytes)
        {
            Winograd.Expand<TSource>(packed, block, blocks, taps);
            for (int lane = 0; lane < Winograd.BlockWords; lane += TWords.Count)
            {
                short* g = taps + lane;
                byte* r = result + lane * sizeof(short);
                Column(Tap(g, 0), Tap(g, 3), Tap(g, 6), out TWords a0, out TWords a1, out TWords a2, out TWords a3);
                Column(Tap(g, 1), Tap(g, 4), Tap(g, 7), out TWords b0, out TWords b1, out TWords b2, out TWords b3);
                Column(Tap(g, 2), Tap(g, 5), Tap(g, 8), out TWords c0, out TWords c1, out TWords c2, out TWords c3);
                StoreRow(a0, b0, c0, r, distance);
                StoreRow(a1, b1, c1, r + 4 * distance, distance);
                StoreRow(a2, b2, c2, r + 8 * distance, distance);
                StoreRow(a3, b3, c3, r + 12 * distance, distance);
            }
        }
    }

    private static TWords Tap(short* taps, int tap) => TWords.Load(taps + tap * Winograd.BlockWords);

    /// <summary>2G times a column: 2a, a + b + c, a − b + c, 2c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(TWords a, TWords b, TWords c,
        out TWords r0, out TWords r1, out TWords r2, out TWords r3)
    {
        TWords sum = a + c;
        (r0, r1, r2, r3) = (a + a, sum + b, sum - b, c + c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(TWords a, TWords b, TWords c, byte* result, nint distance)
    {
        Column(a, b, c, out TWords r0, out TWords r1, out TWords r2, out TWords r3);
        r0.Store((short*)result);
        r1.Store((short*)(result + distance));
        r2.Store((short*)(result + 2 * distance));
        r3.Store((short*)(result + 3 * distance));
    }

    [MethodImpl(Jit.Kernel)]
    public static void TransformOutput(byte* products, nint distance, byte* result)
    {
        var sums = (int*)result;
        for (int lane = 0; lane < ConvolutionGeometry.PanelWidth; lane += TSums.Count, products += sizeof(TSums), sums += TSums.Count)
        {
            Output(products, distance, out TSums t0, out TSums b0);
            Output(products + distance, distance, out TSums t1, out TSums b1);
            Output(products + 2 * distance, distance, out TSums t2, out TSums b2);
            Output(products + 3 * distance, distance, out TSums t3, out TSums b3);
            ((t0 + t1 + t2) >> 2).Store(sums);
            ((t1 - t2 - t3) >> 2).Store(sums + ConvolutionGeometry.PanelWidth);
            ((b0 + b1 + b2) >> 2).Store(sums + 2 * ConvolutionGeometry.PanelWidth);
            ((b1 - b2 - b3) >> 2).Store(sums + 3 * ConvolutionGeometry.PanelWidth);
        }
    }

    /// <summary>Aᵀ times a column: m0 + m1 + m2 above, m1 − m2 − m3 below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Output(byte* column, nint distance, out TSums top, out TSums bottom)
    {
        TSums one = TSums.Load(column + 4 * distance), two = TSums.Load(column + 8 * distance);
        top = TSums.Load(column) + one + two;
        bottom = one - two - TSums.Load(column + 12 * distance);
    }
}
