using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Specializer.Numerics;

namespace Specializer.Kernels;

/// <summary>Packs activations as the right-hand side of a tile product: panels of 16 columns, row after row, as FP32 weights are packed.
/// Missing columns of a panel become 0.</summary>
internal static unsafe class Panels
{
    private const int Width = ConvolutionGeometry.PanelWidth;

    public static int Count(int columns) => (columns + Width - 1) / Width;

    /// <summary>Elements of a packed matrix.</summary>
    public static long Length(int rows, int columns) => (long)rows * Count(columns) * Width;

    /// <summary>Packs rows each of which lies in one piece, a row every <paramref name="rowStride"/> elements, with
    /// <paramref name="panelLength"/> elements from one panel to the next.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void PackRows(float* source, int rows, int columns, int rowStride, float* packed, long panelLength)
    {
        for (int row = 0; row < rows; row++, source += rowStride, packed += Width)
        {
            float* panel = packed;
            int first = 0;
            for (; first <= columns - Width; first += Width, panel += panelLength)
            {
                Vector256.Load(source + first).Store(panel);
                Vector256.Load(source + first + 8).Store(panel + 8);
            }

            for (int c = first; first < columns && c < first + Width; c++, panel++) *panel = c < columns ? source[c] : 0;
        }
    }

    /// <summary>Packs a panel of up to 16 columns each of which lies in one piece, a column every <paramref name="columnStride"/> elements.</summary>
    [MethodImpl(Jit.Kernel)]
    public static void PackColumns(int* source, int rows, int columns, int columnStride, int* panel)
    {
        for (int first = 0; first < Width; first += 4, source += 4 * (long)columnStride, columns -= 4, panel += 4)
        {
            int row = 0;
            for (; Sse2.IsSupported && columns >= 4 && row <= rows - 4; row += 4)
            {
                // Four rows of four columns: pairs of columns a0 b0 a1 b1, a2 b2 a3 b3, then pairs of pairs.
                Vector128<int> a = Vector128.Load(source + row), b = Vector128.Load(source + columnStride + row);
                Vector128<int> c = Vector128.Load(source + 2 * (long)columnStride + row), d = Vector128.Load(source + 3 * (long)columnStride + row);
                Vector128<long> ab = Sse2.UnpackLow(a, b).AsInt64(), cd = Sse2.UnpackLow(c, d).AsInt64();
                Vector128<long> ab2 = Sse2.UnpackHigh(a, b).AsInt64(), cd2 = Sse2.UnpackHigh(c, d).AsInt64();
                int* to = panel + (long)row * Width;
                Sse2.UnpackLow(ab, cd).AsInt32().Store(to);
                Sse2.UnpackHigh(ab, cd).AsInt32().Store(to + Width);
                Sse2.UnpackLow(ab2, cd2).AsInt32().Store(to + 2 * Width);
                Sse2.UnpackHigh(ab2, cd2).AsInt32().Store(to + 3 * Width);
            }

            for (; row < rows; row++)
                for (int c = 0; c < 4; c++) panel[(long)row * Width + c] = c < columns ? source[c * (long)columnStride + row] : 0;
        }
    }
}
