using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Specializer.Kernels;

/// <summary>Winograd's F(2×2, 3×3) in exact integers: 2×2 outputs of a 3×3 convolution from 16 products instead of 36
/// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).</summary>
/// <remarks>
/// Y = Aᵀ[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]A for a 4×4 patch d and a 3×3 kernel g. G holds halves, so 2G is used on both sides and the result is four times the sum, which
/// a shift by two ends. With q in [0, 255] a transformed input has 11 signed bits, with weights in [−128, 127] a transformed weight has 12:
/// both fit the 16-bit operands of <see cref="WordTile"/>. Sums wrap modulo 2³², additions only, so nothing between matters: the result is exact
/// when four times the true sum fits 32 bits (<see cref="Suits"/>).
/// </remarks>
internal static unsafe class Winograd
{
    private const int PanelWidth = ConvolutionGeometry.PanelWidth;
    private const int LargestWeight = 128;

    /// <summary>Rows and columns of outputs that one patch gives.</summary>
    public const int Tile = 2;
    /// <summary>Rows and columns of a patch.</summary>
    public const int Patch = 4;
    /// <summary>Positions in a patch.</summary>
    public const int Positions = Patch * Patch;
    /// <summary>Words of a transformed block: 4 input channels by 16 outputs, as <see cref="WordTile.Expand(byte*, byte*, int)"/> orders them.</summary>
    public const int BlockWords = 4 * PanelWidth;

    /// <summary>Whether the convolution has this form, is exact in it, and gains by it: below four patches an image the direct form is faster.</summary>
    public static bool Suits(in ConvolutionGeometry g, int levels) =>
        g is { KernelSize: 3, Stride: 1, InputChannels: >= 16 } && Patches(g).OutputPixels >= 4
        && 4L * 9 * 4 * g.ChannelGroups * levels * LargestWeight <= int.MaxValue;

    /// <summary>The patches as the pixels of a convolution of 4×4 taps, two apart.</summary>
    public static ConvolutionGeometry Patches(in ConvolutionGeometry g) =>
        g with { KernelSize = Patch, Stride = Tile, OutputHeight = (g.OutputHeight + 1) / Tile, OutputWidth = (g.OutputWidth + 1) / Tile };

    /// <summary>Bᵀ·d·B of one patch.</summary>
    /// <param name="patch">patch[i·stride]: pixel i of the patch, 16-bit elements.</param>
    /// <param name="stride">Entries from one pixel of the patch to the next.</param>
    /// <param name="elements">Of a pixel, at least 16.</param>
    /// <param name="result">Position i's elements begin at result + i·distance.</param>
    /// <param name="distance">Words from one position to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TransformInput(byte** patch, int stride, int elements, short* result, nint distance)
    {
        // Rows of Bᵀ: d0 − d2, d1 + d2, d2 − d1, d1 − d3.
        Row(patch, patch + 8 * stride, stride, false, elements, result, distance);
        Row(patch + 4 * stride, patch + 8 * stride, stride, true, elements, result + 4 * distance, distance);
        Row(patch + 8 * stride, patch + 4 * stride, stride, false, elements, result + 8 * distance, distance);
        Row(patch + 4 * stride, patch + 12 * stride, stride, false, elements, result + 12 * distance, distance);
    }

    /// <summary>Sum or difference of two rows of the patch, times B.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row(byte** one, byte** two, int stride, bool add, int elements, short* result, nint distance)
    {
        short* a0 = (short*)one[0], a1 = (short*)one[stride], a2 = (short*)one[2 * stride], a3 = (short*)one[3 * stride];
        short* b0 = (short*)two[0], b1 = (short*)two[stride], b2 = (short*)two[2 * stride], b3 = (short*)two[3 * stride];
        for (int next = 0; next < elements; next += 16)
        {
            int c = Math.Min(next, elements - 16); // The last sixteen may overlap those before.
            Vector256<short> t0 = Combine(a0 + c, b0 + c, add), t1 = Combine(a1 + c, b1 + c, add), t2 = Combine(a2 + c, b2 + c, add), t3 = Combine(a3 + c, b3 + c, add);
            (t0 - t2).Store(result + c);
            (t1 + t2).Store(result + distance + c);
            (t2 - t1).Store(result + 2 * distance + c);
            (t1 - t3).Store(result + 3 * distance + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Combine(short* a, short* b, bool add) =>
        add ? Vector256.Load(a) + Vector256.Load(b) : Vector256.Load(a) - Vector256.Load(b);

    /// <summary>(2G)·g·(2G)ᵀ of one panel.</summary>
    /// <param name="packed">Packed panel (docs/weights.md): 9 taps of <paramref name="blocks"/> blocks.</param>
    /// <param name="blocks">Groups of four input channels.</param>
    /// <param name="result">[block] of a position, <see cref="BlockWords"/> each.</param>
    /// <param name="distance">Words from one position to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TransformWeights(byte* packed, int blocks, short* result, nint distance)
    {
        short* taps = stackalloc short[9 * BlockWords];
        for (int block = 0; block < blocks; block++, packed += WordTile.PackedBlockBytes, result += BlockWords)
        {
            for (int tap = 0; tap < 9; tap++) WordTile.Expand(packed + (long)tap * blocks * WordTile.PackedBlockBytes, taps + tap * BlockWords);
            for (int lane = 0; lane < BlockWords; lane += 16)
            {
                short* g = taps + lane, r = result + lane;
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

    private static Vector256<short> Tap(short* taps, int tap) => Vector256.Load(taps + tap * BlockWords);

    /// <summary>2G times a column: 2a, a + b + c, a − b + c, 2c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(Vector256<short> a, Vector256<short> b, Vector256<short> c,
        out Vector256<short> r0, out Vector256<short> r1, out Vector256<short> r2, out Vector256<short> r3)
    {
        Vector256<short> sum = a + c;
        (r0, r1, r2, r3) = (a + a, sum + b, sum - b, c + c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(Vector256<short> a, Vector256<short> b, Vector256<short> c, short* result, nint distance)
    {
        Column(a, b, c, out Vector256<short> r0, out Vector256<short> r1, out Vector256<short> r2, out Vector256<short> r3);
        r0.Store(result);
        r1.Store(result + distance);
        r2.Store(result + 2 * distance);
        r3.Store(result + 3 * distance);
    }

    /// <summary>Aᵀ·m·A / 4 of one patch and panel.</summary>
    /// <param name="products">Position i's 16 sums begin at products + i·distance.</param>
    /// <param name="distance">Sums from one position to the next.</param>
    /// <param name="sums">[2·2 outputs][16].</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransformOutput(int* products, nint distance, int* sums)
    {
        for (int lane = 0; lane < PanelWidth; lane += 8, products += 8, sums += 8)
        {
            Output(products, distance, out Vector256<int> t0, out Vector256<int> b0);
            Output(products + distance, distance, out Vector256<int> t1, out Vector256<int> b1);
            Output(products + 2 * distance, distance, out Vector256<int> t2, out Vector256<int> b2);
            Output(products + 3 * distance, distance, out Vector256<int> t3, out Vector256<int> b3);
            ((t0 + t1 + t2) >> 2).Store(sums);
            ((t1 - t2 - t3) >> 2).Store(sums + PanelWidth);
            ((b0 + b1 + b2) >> 2).Store(sums + 2 * PanelWidth);
            ((b1 - b2 - b3) >> 2).Store(sums + 3 * PanelWidth);
        }
    }

    /// <summary>Aᵀ times a column: m0 + m1 + m2 above, m1 − m2 − m3 below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Output(int* column, nint distance, out Vector256<int> top, out Vector256<int> bottom)
    {
        Vector256<int> one = Vector256.Load(column + 4 * distance), two = Vector256.Load(column + 8 * distance);
        top = Vector256.Load(column) + one + two;
        bottom = one - two - Vector256.Load(column + 12 * distance);
    }
}
