using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>Many matrix products on tensor cores, of FP16 with sums in FP32 or of bytes: the two of attention. Blocks and stages are those of <see cref="TensorConvolution"/>.</summary>
internal static class TensorProduct
{
    public static void LargeHalf(ProductArguments a) => Run(a, default(LargeTile), default(HalfOperand));

    public static void SmallHalf(ProductArguments a) => Run(a, default(SmallTile), default(HalfOperand));

    public static void LargeBytes(ProductArguments a) => Run(a, default(LargeTile), default(IntegerOperand));

    public static void SmallBytes(ProductArguments a) => Run(a, default(SmallTile), default(IntegerOperand));

    /// <summary>Groups of a launch.</summary>
    public static long Groups(in ProductArguments a, bool large) => (long)a.Count * Blocks(a.Rows, TensorConvolution.BlockPixels(large)) * Blocks(a.Columns, TensorConvolution.BlockOutputs);

    private static int Blocks(int size, int block) => (size + block - 1) / block;

    private static void Run<TTile, TOperand>(ProductArguments a, TTile tile, TOperand operand)
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        const int step = TensorConvolution.Step, stages = TensorConvolution.Stages, rowBytes = TensorConvolution.RowBytes, blockColumns = TensorConvolution.BlockOutputs;
        int blockRows = tile.RowTiles * 32, stageBytes = (blockRows + blockColumns) * step;
        TensorCore.Declare(tile.RowTiles, tile.ColumnTiles, Math.Max(stages * (tile.RowTiles * 32 + blockColumns) * step, 4 * tile.RowTiles * 16 * rowBytes));
        int shared = TensorCore.Shared(), thread = Group.IdxX, warp = thread / 32, lane = thread % 32;
        int columnBlocks = Blocks(a.Columns, blockColumns), rowBlocks = Blocks(a.Rows, blockRows);
        int firstColumn = Grid.IdxX % columnBlocks * blockColumns, firstRow = Grid.IdxX / columnBlocks % rowBlocks * blockRows, product = Grid.IdxX / columnBlocks / rowBlocks;

        // A thread copies piece thread % 4 of every 32nd row; a row past the end repeats the last one and is not stored.
        int row = firstRow + thread / 4, column = firstColumn + thread / 4, piece = thread % 4 * 4, address = shared + thread * 16;
        long r = (long)product * a.Rows, c = (long)product * a.Columns;
        var loader = new Loader
        {
            Address = address,
            A0 = Index(a, r, row, a.Rows) + piece, A1 = Index(a, r, row + 32, a.Rows) + piece, A2 = Index(a, r, row + 64, a.Rows) + piece, A3 = Index(a, r, row + 96, a.Rows) + piece,
            B0 = Index(a, c, column, a.Columns) + piece, B1 = Index(a, c, column + 32, a.Columns) + piece,
        };
        int steps = a.DepthWords * 4 / step;
        for (int s = 0; s < stages - 1; s++)
        {
            if (s < steps) Load(a, tile, loader, s, s * stageBytes);
            TensorCore.Commit();
        }

        int rowLane = shared + (warp / 2 * tile.RowTiles * 16 + lane / 4) * step + lane % 4 * 16;
        int columnLane = shared + blockRows * step + (warp % 2 * 32 + lane / 4) * step + lane % 4 * 16;
        for (int s = 0; s < steps; s++)
        {
            TensorCore.Wait(stages - 2);
            Group.Barrier();
            int next = s + stages - 1;
            if (next < steps) Load(a, tile, loader, next, next % stages * stageBytes);
            TensorCore.Commit();
            int stage = s % stages * stageBytes;
            TensorCore.Multiply(tile.RowTiles, tile.ColumnTiles, operand.Bits(8), rowLane + stage, columnLane + stage);
        }

        TensorCore.Wait(0);
        Group.Barrier();
        int sums = shared + warp * tile.RowTiles * 16 * rowBytes;
        TensorCore.Store(tile.RowTiles, tile.ColumnTiles, rowBytes, sums + lane / 4 * rowBytes + lane % 4 * 8);
        TensorCore.SynchronizeWarp();
        int to = firstColumn + warp % 2 * 32 + lane, from = firstRow + warp / 2 * tile.RowTiles * 16;
        if (to >= a.Columns) return;
        for (int i = 0; i < tile.RowTiles * 16 && from + i < a.Rows; i++)
        {
            int sum = TensorCore.Load(sums + i * rowBytes + lane * 4);
            if (operand.IsHalf) a.Finish(product, from + i, to, Interop.IntAsFloat((uint)sum));
            else a.Finish(product, from + i, to, sum);
        }
    }

    private struct Loader
    {
        public int Address;
        public long A0, A1, A2, A3, B0, B1;
    }

    private static long Index(ProductArguments a, long first, int row, int rows) => (first + Math.Min(row, rows - 1)) * a.DepthWords;

    private static void Load<TTile>(ProductArguments a, TTile tile, Loader loader, int step, int stage)
        where TTile : struct, ITensorTile
    {
        const int rows = 32 * TensorConvolution.Step;
        int word = step * TensorConvolution.Step / 4, address = loader.Address + stage;
        TensorCore.CopyAsync(address, ref a.A[loader.A0 + word]);
        TensorCore.CopyAsync(address + rows, ref a.A[loader.A1 + word]);
        if (tile.RowTiles == 4)
        {
            TensorCore.CopyAsync(address + 2 * rows, ref a.A[loader.A2 + word]);
            TensorCore.CopyAsync(address + 3 * rows, ref a.A[loader.A3 + word]);
        }

        TensorCore.CopyAsync(address + tile.RowTiles * rows, ref a.B[loader.B0 + word]);
        TensorCore.CopyAsync(address + (tile.RowTiles + 1) * rows, ref a.B[loader.B1 + word]);
    }
}
