using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>Many matrix products on tensor cores, of FP16 with sums in FP32 or of bytes, and of FP32 without them: the two of attention. Blocks and stages are those of <see cref="TensorConvolution"/>.</summary>
internal static class TensorProduct
{
    public static void WideHalf(ProductArguments a) => Run(a, default(WideTile), default(HalfOperand));

    public static void LargeHalf(ProductArguments a) => Run(a, default(LargeTile), default(HalfOperand));

    public static void SmallHalf(ProductArguments a) => Run(a, default(SmallTile), default(HalfOperand));

    public static void LargeFloat(ProductArguments a) => Run(a, default(LargeTile), default(FloatOperand));

    public static void SmallFloat(ProductArguments a) => Run(a, default(SmallTile), default(FloatOperand));

    public static void WideBytes(ProductArguments a) => Run(a, default(WideTile), default(IntegerOperand));

    public static void LargeBytes(ProductArguments a) => Run(a, default(LargeTile), default(IntegerOperand));

    public static void SmallBytes(ProductArguments a) => Run(a, default(SmallTile), default(IntegerOperand));

    /// <summary>Groups of a launch.</summary>
    public static long Groups(in ProductArguments a, TileKind kind) => TensorTile.Groups(a.Count, a.Rows, a.Columns, kind);

    private static void Run<TTile, TOperand>(ProductArguments a, TTile tile, TOperand operand)
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        const int step = TensorConvolution.Step;
        int rows = TensorTile.Rows(tile), columns = TensorTile.Columns(tile), stageBytes = (rows + columns) * step;
        // Behind the sums: what finishing needs of every row.
        TensorCore.Declare(tile.RowTiles, tile.ColumnTiles, Math.Max(
            tile.Stages * (TensorTile.Rows(tile) + TensorTile.Columns(tile)) * step, TensorTile.SumBytes(tile) + 8 * TensorTile.Rows(tile)));
        int shared = TensorCore.Shared(), thread = Group.IdxX, warp = thread / 32;
        int columnBlocks = (a.Columns + columns - 1) / columns, rowBlocks = (a.Rows + rows - 1) / rows;
        int firstColumn = Grid.IdxX % columnBlocks * columns, firstRow = Grid.IdxX / columnBlocks % rowBlocks * rows, product = Grid.IdxX / columnBlocks / rowBlocks;

        var loader = new Loader<TTile>(a, tile, shared, product, firstRow, firstColumn);
        int steps = a.DepthWords * 4 / step, stage = 0;
        for (int s = 0; s < tile.Stages - 1; s++)
        {
            if (s < steps) loader.Load(tile);
            TensorCore.Commit();
        }

        int rowLane = shared + TensorTile.PixelLane(tile, operand), columnLane = shared + rows * step + TensorTile.WeightLane(tile, operand, 8);
        for (int s = 0; s < steps; s++)
        {
            TensorCore.Wait(tile.Stages - 2);
            Group.Barrier();
            if (s + tile.Stages - 1 < steps) loader.Load(tile);
            TensorCore.Commit();
            TensorCore.Multiply(tile.RowTiles, tile.ColumnTiles, operand.Bits(8), rowLane + stage, columnLane + stage);
            stage = TensorTile.NextStage(tile, stage, stageBytes);
        }

        TensorCore.Wait(0);
        Group.Barrier();
        int rowTerms = shared + TensorTile.SumBytes(tile);
        if (thread < rows)
        {
            ProductRow row = a.Row(product, Math.Min(firstRow + thread, a.Rows - 1));
            TensorCore.StoreWord(rowTerms + 8 * thread, (int)Interop.FloatAsInt(row.Factor));
            TensorCore.StoreWord(rowTerms + 8 * thread + 4, row.Zero);
        }

        Group.Barrier();
        int from = warp / tile.WarpColumns * tile.RowTiles * 16, to = firstColumn + warp % tile.WarpColumns * tile.ColumnTiles * 8 + thread % 32;
        int sums = shared + warp * tile.RowTiles * 16 * TensorTile.RowBytes;
        Store(a, tile, operand, sums, rowTerms + 8 * from, product, firstRow + from, to, 0);
        if (tile.ColumnTiles == 4) return;
        TensorCore.SynchronizeWarp();
        Store(a, tile, operand, sums, rowTerms + 8 * from, product, firstRow + from, to + 32, 4);
    }

    /// <summary>32 columns of a warp's sums, a lane for each.</summary>
    private static void Store<TTile, TOperand>(ProductArguments a, TTile tile, TOperand operand, int sums, int rowTerms, int product, int firstRow, int column, int columnTile)
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        TensorTile.Store(tile, operand, columnTile, sums);
        if (column < a.Columns)
        {
            int zero = 0, address = sums + Group.IdxX % 32 * 4;
            if (!operand.IsReal) zero = a.ColumnZero(product, column);
            long to = a.Start(product) + (long)firstRow * a.RowStride + column;
            for (int row = 0; row < tile.RowTiles * 16 && firstRow + row < a.Rows; row++, address += TensorTile.RowBytes, rowTerms += 8, to += a.RowStride)
            {
                int sum = TensorCore.Load(address);
                float factor = Interop.IntAsFloat((uint)TensorCore.Load(rowTerms)), value;
                if (operand.IsReal) value = Interop.IntAsFloat((uint)sum);
                else value = sum + TensorCore.Load(rowTerms + 4) - zero;
                a.C[to] = ExactMath.Multiply(value, factor);
            }
        }
    }

    /// <summary>A thread copies piece thread % 4 of every 32nd row and column; those past the end repeat the last one and are not stored.</summary>
    private struct Loader<TTile>
        where TTile : struct, ITensorTile
    {
        private const int Part = 32 * TensorConvolution.Step;

        private readonly int _to, _stageBytes;
        private readonly long _a0, _a1, _a2, _a3, _b0, _b1, _b2, _b3;
        private int _stage, _offset;

        public Loader(ProductArguments a, TTile tile, int shared, int product, int firstRow, int firstColumn)
        {
            int thread = Group.IdxX, row = firstRow + thread / 4, column = firstColumn + thread / 4;
            _to = shared + TensorTile.Place(thread / 4, thread % 4);
            _stage = _offset = 0;
            _stageBytes = (TensorTile.Rows(tile) + TensorTile.Columns(tile)) * TensorConvolution.Step;
            long rowsFrom = TensorCore.GlobalAddress(ref a.A[(long)product * a.Rows * a.DepthWords]) + thread % 4 * 16;
            long columnsFrom = TensorCore.GlobalAddress(ref a.B[(long)product * a.Columns * a.DepthWords]) + thread % 4 * 16;
            _a0 = rowsFrom + Offset(a, row, a.Rows);
            _a1 = rowsFrom + Offset(a, row + 32, a.Rows);
            _a2 = rowsFrom + Offset(a, row + 64, a.Rows);
            _a3 = rowsFrom + Offset(a, row + 96, a.Rows);
            _b0 = columnsFrom + Offset(a, column, a.Columns);
            _b1 = columnsFrom + Offset(a, column + 32, a.Columns);
            _b2 = columnsFrom + Offset(a, column + 64, a.Columns);
            _b3 = columnsFrom + Offset(a, column + 96, a.Columns);
        }

        public void Load(TTile tile)
        {
            int to = _to + _stage;
            TensorCore.CopyAsync(to, _a0 + _offset);
            TensorCore.CopyAsync(to + Part, _a1 + _offset);
            if (TensorTile.Rows(tile) == 128)
            {
                TensorCore.CopyAsync(to + 2 * Part, _a2 + _offset);
                TensorCore.CopyAsync(to + 3 * Part, _a3 + _offset);
            }

            to += TensorTile.Rows(tile) * TensorConvolution.Step;
            TensorCore.CopyAsync(to, _b0 + _offset);
            TensorCore.CopyAsync(to + Part, _b1 + _offset);
            if (TensorTile.Columns(tile) == 128)
            {
                TensorCore.CopyAsync(to + 2 * Part, _b2 + _offset);
                TensorCore.CopyAsync(to + 3 * Part, _b3 + _offset);
            }

            _stage = TensorTile.NextStage(tile, _stage, _stageBytes);
            _offset += TensorConvolution.Step;
        }

        private static long Offset(ProductArguments a, int row, int rows) => 4L * Math.Min(row, rows - 1) * a.DepthWords;
    }
}
