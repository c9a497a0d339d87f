using System.Runtime.CompilerServices;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>F(4×4, 3×3) with the points 0, 1, −1, 2, −2 and ∞: 36 products for 16 outputs, a quarter of the direct form's.</summary>
/// <remarks>
/// A transformed input lies between −32 and 68 times 255. Without its denominators, G has the rows (1, 0, 0), (1, 1, 1), (1, −1, 1), (1, 2, 4), (1, −2, 4), (0, 0, 1), so a
/// transformed weight is at most 49 times a weight. Both fit 16 bits. Aᵀ takes the factors 6, −4, −4, 1, 1, 24 of 1/24; its rows then give 24, 12, 6 and 6 times the result,
/// as the rows 1 to 3 are even: 9·2^(a+b) times in row and column with powers a and b, at most 9·2⁶.
/// </remarks>
/// <typeparam name="TSource">What activations and weights are stored in.</typeparam>
/// <typeparam name="TWords">Vectors that inputs and weights are transformed in.</typeparam>
/// <typeparam name="TSums">Those of the same width for the sums.</typeparam>
internal readonly unsafe struct Winograd4<TSource, TWords, TSums> : IWinogradForm
    where TSource : struct, IWinogradSource
    where TWords : unmanaged, ILanes<TWords, short>
    where TSums : unmanaged, ILanes<TSums, int>
{
    private const int Patch = 6, CacheLine = 64;
    /// <summary>The inverse of 9 modulo 2³².</summary>
    private const int Ninth = 954437177;

    public static int Tile => 4;
    public static int Shift => 6;
    public static float WeightCost => 24f;
    public static float InputCost => 2.2f;
    public static float OutputCost => 13f;
    public static int PackedBlockBytes => TSource.PackedBlockBytes;
    public static int WeightBlockBytes => Winograd.BlockWords * sizeof(short);
    public static int InputBlockBytes => 4 * sizeof(short);

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformInput(byte** patch, int stride, int blocks, byte* result, nint distance)
    {
        byte* room = stackalloc byte[Patch * Patch * sizeof(TWords) + CacheLine];
        TWords* columns = (TWords*)Aligned(room);
        int channels = 4 * blocks;
        for (int next = 0; next < channels; next += TWords.Count)
        {
            int c = Math.Min(next, channels - TWords.Count); // The last ones may overlap those before.
            for (int x = 0; x < Patch; x++)
            {
                byte** column = patch + x * stride;
                Input(Load(column[0], c), Load(column[Patch * stride], c), Load(column[2 * Patch * stride], c), Load(column[3 * Patch * stride], c),
                    Load(column[4 * Patch * stride], c), Load(column[5 * Patch * stride], c), (byte*)(columns + x), Patch * sizeof(TWords));
            }

            for (int y = 0; y < Patch; y++)
            {
                TWords* row = columns + Patch * y;
                Input(row[0], row[1], row[2], row[3], row[4], row[5], result + Patch * y * distance + c * sizeof(short), distance);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TWords Load(byte* pixel, int channel) => TSource.Load<TWords>(pixel, channel);

    /// <summary>Bᵀ times a column: 4a − 5c + e, −4b − 4c + d + e, 4b − 4c − d + e, −2b − c + 2d + e, 2b − c − 2d + e, 4b − 5d + f.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Input(TWords a, TWords b, TWords c, TWords d, TWords e, TWords f, byte* result, nint distance)
    {
        TWords even = e - (c << 2), odd = d - (b << 2), far = e - c, near = d - b;
        (((a - c) << 2) + far).Store(result);
        (even + odd).Store(result + distance);
        (even - odd).Store(result + 2 * distance);
        near += near;
        (far + near).Store(result + 3 * distance);
        (far - near).Store(result + 4 * distance);
        (f - d - near - near).Store(result + 5 * distance);
    }

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformWeights(byte* packed, int blocks, byte* result, nint distance)
    {
        byte* room = stackalloc byte[9 * Winograd.BlockWords * sizeof(short) + 3 * Patch * sizeof(TWords) + CacheLine];
        short* taps = (short*)Aligned(room);
        TWords* columns = (TWords*)(taps + 9 * Winograd.BlockWords);
        for (int block = 0; block < blocks; block++, result += WeightBlockBytes)
        {
            Winograd.Expand<TSource>(packed, block, blocks, taps);
            for (int lane = 0; lane < Winograd.BlockWords; lane += TWords.Count)
            {
                for (int x = 0; x < 3; x++)
                {
                    short* g = taps + x * Winograd.BlockWords + lane;
                    Weights(TWords.Load(g), TWords.Load(g + 3 * Winograd.BlockWords), TWords.Load(g + 6 * Winograd.BlockWords), (byte*)(columns + x), 3 * sizeof(TWords));
                }

                for (int y = 0; y < Patch; y++)
                    Weights(columns[3 * y], columns[3 * y + 1], columns[3 * y + 2], result + Patch * y * distance + lane * sizeof(short), distance);
            }
        }
    }

    /// <summary>G's rows times a column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weights(TWords a, TWords b, TWords c, byte* result, nint distance)
    {
        TWords ends = a + c, far = a + (c << 2), twice = b + b;
        a.Store(result);
        (ends + b).Store(result + distance);
        (ends - b).Store(result + 2 * distance);
        (far + twice).Store(result + 3 * distance);
        (far - twice).Store(result + 4 * distance);
        c.Store(result + 5 * distance);
    }

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformOutput(byte* products, nint distance, byte* result)
    {
        const int Width = ConvolutionGeometry.PanelWidth;
        byte* room = stackalloc byte[4 * Patch * sizeof(TSums) + CacheLine];
        TSums* columns = (TSums*)Aligned(room);
        TSums ninth = TSums.Create(Ninth);
        for (int lane = 0; lane < Width; lane += TSums.Count, products += sizeof(TSums), result += sizeof(TSums))
        {
            for (int x = 0; x < Patch; x++)
            {
                byte* p = products + x * distance;
                Output(TSums.Load(p), TSums.Load(p + Patch * distance), TSums.Load(p + 2 * Patch * distance), TSums.Load(p + 3 * Patch * distance), TSums.Load(p + 4 * Patch * distance),
                    TSums.Load(p + 5 * Patch * distance), out columns[x], out columns[Patch + x], out columns[2 * Patch + x], out columns[3 * Patch + x]);
            }

            var row = (int*)result;
            for (int y = 0; y < 4; y++, row += 4 * Width)
            {
                TSums* m = columns + Patch * y;
                Output(m[0], m[1], m[2], m[3], m[4], m[5], out TSums r0, out TSums r1, out TSums r2, out TSums r3);
                int power = Math.Max(3 - y, 1);
                (r0 * ninth >> (power + 3)).Store(row);
                (r1 * ninth >> (power + 2)).Store(row + Width);
                (r2 * ninth >> (power + 1)).Store(row + 2 * Width);
                (r3 * ninth >> (power + 1)).Store(row + 3 * Width);
            }
        }
    }

    /// <summary>Aᵀ times a column: 6a − 4(b + c) + (d + e), −2(b − c) + (d − e), −(b + c) + (d + e), −(b − c) + 2(d − e) + 6f.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Output(TSums a, TSums b, TSums c, TSums d, TSums e, TSums f, out TSums r0, out TSums r1, out TSums r2, out TSums r3)
    {
        TSums nearSum = b + c, nearDifference = b - c, farSum = d + e, farDifference = d - e;
        r0 = ((a - nearSum) << 2) + (a + a) + farSum;
        r1 = farDifference - (nearDifference + nearDifference);
        r2 = farSum - nearSum;
        TSums last = farDifference + f + (f + f);
        r3 = last + last - nearDifference;
    }

    /// <summary>A vector that crosses cache lines takes twice as long.</summary>
    private static byte* Aligned(byte* room) => (byte*)(((nint)room + CacheLine - 1) & -CacheLine);
}
