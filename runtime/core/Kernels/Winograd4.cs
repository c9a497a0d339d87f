using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>F(4×4, 3×3) with the points 0, 1, −1, 2, −2 and ∞: 36 products for 16 outputs, a quarter of the direct form's.</summary>
/// <remarks>
/// A transformed input lies between −32 and 68 times 255. Without its denominators, G has the rows (1, 0, 0), (1, 1, 1), (1, −1, 1), (1, 2, 4), (1, −2, 4), (0, 0, 1), so a
/// transformed weight is at most 49 times a weight. Both fit 16 bits. Aᵀ takes the factors 6, −4, −4, 1, 1, 24 of 1/24; its rows then give 24, 12, 6 and 6 times the result,
/// as the rows 1 to 3 are even: 9·2^(a+b) times in row and column with powers a and b, at most 9·2⁶.
/// </remarks>
internal readonly unsafe struct Winograd4<TSource> : IWinogradForm
    where TSource : struct, IWinogradSource
{
    private const int Patch = 6;
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
        Vector256<short>* columns = stackalloc Vector256<short>[Patch * Patch];
        int channels = 4 * blocks;
        for (int next = 0; next < channels; next += 16)
        {
            int c = Math.Min(next, channels - 16); // The last sixteen may overlap those before.
            for (int x = 0; x < Patch; x++)
            {
                byte** column = patch + x * stride;
                Input(TSource.Load(column[0], c), TSource.Load(column[Patch * stride], c), TSource.Load(column[2 * Patch * stride], c), TSource.Load(column[3 * Patch * stride], c),
                    TSource.Load(column[4 * Patch * stride], c), TSource.Load(column[5 * Patch * stride], c), (byte*)(columns + x), Patch * sizeof(Vector256<short>));
            }

            for (int y = 0; y < Patch; y++)
            {
                Vector256<short>* row = columns + Patch * y;
                Input(row[0], row[1], row[2], row[3], row[4], row[5], result + Patch * y * distance + c * sizeof(short), distance);
            }
        }
    }

    /// <summary>Bᵀ times a column: 4a − 5c + e, −4b − 4c + d + e, 4b − 4c − d + e, −2b − c + 2d + e, 2b − c − 2d + e, 4b − 5d + f.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Input(Vector256<short> a, Vector256<short> b, Vector256<short> c, Vector256<short> d, Vector256<short> e, Vector256<short> f, byte* result, nint distance)
    {
        Vector256<short> even = e - (c << 2), odd = d - (b << 2), far = e - c, near = d - b;
        (((a - c) << 2) + far).Store((short*)result);
        (even + odd).Store((short*)(result + distance));
        (even - odd).Store((short*)(result + 2 * distance));
        near += near;
        (far + near).Store((short*)(result + 3 * distance));
        (far - near).Store((short*)(result + 4 * distance));
        (f - d - near - near).Store((short*)(result + 5 * distance));
    }

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformWeights(byte* packed, int blocks, byte* result, nint distance)
    {
        short* taps = stackalloc short[9 * Winograd.BlockWords];
        Vector256<short>* columns = stackalloc Vector256<short>[3 * Patch];
        for (int block = 0; block < blocks; block++, result += WeightBlockBytes)
        {
            Winograd.Expand<TSource>(packed, block, blocks, taps);
            for (int lane = 0; lane < Winograd.BlockWords; lane += 16)
            {
                for (int x = 0; x < 3; x++)
                {
                    short* g = taps + x * Winograd.BlockWords + lane;
                    Weights(Vector256.Load(g), Vector256.Load(g + 3 * Winograd.BlockWords), Vector256.Load(g + 6 * Winograd.BlockWords), (byte*)(columns + x), 3 * sizeof(Vector256<short>));
                }

                for (int y = 0; y < Patch; y++)
                    Weights(columns[3 * y], columns[3 * y + 1], columns[3 * y + 2], result + Patch * y * distance + lane * sizeof(short), distance);
            }
        }
    }

    /// <summary>G's rows times a column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weights(Vector256<short> a, Vector256<short> b, Vector256<short> c, byte* result, nint distance)
    {
        Vector256<short> ends = a + c, far = a + (c << 2), twice = b + b;
        a.Store((short*)result);
        (ends + b).Store((short*)(result + distance));
        (ends - b).Store((short*)(result + 2 * distance));
        (far + twice).Store((short*)(result + 3 * distance));
        (far - twice).Store((short*)(result + 4 * distance));
        c.Store((short*)(result + 5 * distance));
    }

    [MethodImpl(Jit.Kernel), SkipLocalsInit]
    public static void TransformOutput(byte* products, nint distance, byte* result)
    {
        var sums = (int*)result;
        const int Width = ConvolutionGeometry.PanelWidth;
        Vector256<int>* columns = stackalloc Vector256<int>[4 * Patch];
        Vector256<int> ninth = Vector256.Create(Ninth);
        for (int lane = 0; lane < Width; lane += 8, products += 8 * sizeof(int), sums += 8)
        {
            for (int x = 0; x < Patch; x++)
            {
                byte* p = products + x * distance;
                Output(Sums(p), Sums(p + Patch * distance), Sums(p + 2 * Patch * distance), Sums(p + 3 * Patch * distance), Sums(p + 4 * Patch * distance), Sums(p + 5 * Patch * distance),
                    out columns[x], out columns[Patch + x], out columns[2 * Patch + x], out columns[3 * Patch + x]);
            }

            int* row = sums;
            for (int y = 0; y < 4; y++, row += 4 * Width)
            {
                Vector256<int>* m = columns + Patch * y;
                Output(m[0], m[1], m[2], m[3], m[4], m[5], out Vector256<int> r0, out Vector256<int> r1, out Vector256<int> r2, out Vector256<int> r3);
                int power = Math.Max(3 - y, 1);
                (r0 * ninth >> (power + 3)).Store(row);
                (r1 * ninth >> (power + 2)).Store(row + Width);
                (r2 * ninth >> (power + 1)).Store(row + 2 * Width);
                (r3 * ninth >> (power + 1)).Store(row + 3 * Width);
            }
        }
    }

    private static Vector256<int> Sums(byte* products) => Vector256.Load((int*)products);

    /// <summary>Aᵀ times a column: 6a − 4(b + c) + (d + e), −2(b − c) + (d − e), −(b + c) + (d + e), −(b − c) + 2(d − e) + 6f.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Output(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d, Vector256<int> e, Vector256<int> f,
        out Vector256<int> r0, out Vector256<int> r1, out Vector256<int> r2, out Vector256<int> r3)
    {
        Vector256<int> nearSum = b + c, nearDifference = b - c, farSum = d + e, farDifference = d - e;
        r0 = ((a - nearSum) << 2) + (a + a) + farSum;
        r1 = farDifference - (nearDifference + nearDifference);
        r2 = farSum - nearSum;
        Vector256<int> last = farDifference + f + (f + f);
        r3 = last + last - nearDifference;
    }
}
