namespace Specializer.Kernels;

/// <summary>Packs activations as the right-hand side of a tile product: panels of 16 columns, row after row, as FP32 weights are packed.</summary>
internal static unsafe class Panels
{
    private const int Width = ConvolutionGeometry.PanelWidth;

    public static int Count(int columns) => (columns + Width - 1) / Width;

    /// <summary>Elements of a packed matrix.</summary>
    public static long Length(int rows, int columns) => (long)rows * Count(columns) * Width;

    /// <summary>Packs [rows][columns], whose elements lie <paramref name="rowStride"/> and <paramref name="columnStride"/> apart; missing columns become 0.</summary>
    public static void Pack<T>(T* source, int rows, int columns, int rowStride, int columnStride, T* packed)
        where T : unmanaged
    {
        for (int first = 0; first < columns; first += Width)
        {
            int count = Math.Min(Width, columns - first);
            for (int row = 0; row < rows; row++, packed += Width)
            {
                T* line = source + (long)row * rowStride + (long)first * columnStride;
                for (int c = 0; c < count; c++) packed[c] = line[(long)c * columnStride];
                for (int c = count; c < Width; c++) packed[c] = default;
            }
        }
    }
}
