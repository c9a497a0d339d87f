using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>How a group of four warps splits its part of a result.</summary>
internal interface ITensorTile
{
    /// <summary>Tiles of 16 rows and of 8 columns that a warp holds the sums of.</summary>
    int RowTiles { get; }
    int ColumnTiles { get; }
    /// <summary>Warps side by side; the others lie below.</summary>
    int WarpColumns { get; }
    /// <summary>Steps in shared memory: one being multiplied, the others under way.</summary>
    int Stages { get; }
}

/// <summary>128 rows by 128 columns, 64 by 64 a warp: as many multiplications for a byte of shared memory as 48 KB allow.</summary>
internal readonly struct WideTile : ITensorTile
{
    public int RowTiles => 4;
    public int ColumnTiles => 8;
    public int WarpColumns => 2;
    public int Stages => 3;
}

/// <summary>128 rows by 64 columns, 64 by 32 a warp.</summary>
internal readonly struct LargeTile : ITensorTile
{
    public int RowTiles => 4;
    public int ColumnTiles => 4;
    public int WarpColumns => 2;
    public int Stages => 4;
}

/// <summary>64 rows by 64 columns, for results that would leave processors idle otherwise.</summary>
internal readonly struct SmallTile : ITensorTile
{
    public int RowTiles => 2;
    public int ColumnTiles => 4;
    public int WarpColumns => 2;
    public int Stages => 4;
}

internal enum TileKind
{
    Small,
    Large,
    Wide,
}

/// <summary>What is multiplied.</summary>
internal interface ITensorOperand
{
    /// <summary>Bits of a weight; 16 for FP16, 32 for FP32.</summary>
    int Bits(int weightBits);
    /// <summary>Bytes of a pixel with so many channels, in whole pieces of 16.</summary>
    int PixelBytes(int channels);
    /// <summary>Sums are FP32.</summary>
    bool IsReal { get; }
}

internal readonly struct IntegerOperand : ITensorOperand
{
    public int Bits(int weightBits) => weightBits;
    public int PixelBytes(int channels) => channels;
    public bool IsReal => false;
}

internal readonly struct HalfOperand : ITensorOperand
{
    public int Bits(int weightBits) => 16;
    public int PixelBytes(int channels) => 4 * HalfConvolution.PixelWords(channels);
    public bool IsReal => true;
}

/// <summary>FP32: the same tiles and copies, without the matrix instruction, which has no exact one. The sums are the CPU's, product after product.</summary>
internal readonly struct FloatOperand : ITensorOperand
{
    public int Bits(int weightBits) => 32;
    public int PixelBytes(int channels) => 4 * channels;
    public bool IsReal => true;
}

/// <summary>What the tensor-core kernels share.</summary>
internal static class TensorTile
{
    /// <summary>32 sums of a row and eight words more, so that rows start in different banks.</summary>
    public const int RowBytes = 4 * (32 + 8);

    public static int Rows<TTile>(TTile tile) where TTile : struct, ITensorTile => tile.RowTiles * 16 * (4 / tile.WarpColumns);

    public static int Columns<TTile>(TTile tile) where TTile : struct, ITensorTile => tile.ColumnTiles * 8 * tile.WarpColumns;

    /// <summary>Shared memory for 32 columns of every warp's sums.</summary>
    public static int SumBytes<TTile>(TTile tile) where TTile : struct, ITensorTile => 4 * tile.RowTiles * 16 * RowBytes;

    public static int NextStage<TTile>(TTile tile, int stage, int stageBytes)
        where TTile : struct, ITensorTile
    {
        stage += stageBytes;
        return stage == tile.Stages * stageBytes ? 0 : stage;
    }

    /// <summary>Where a 16-byte piece lies in a row of 64 bytes. Eight rows' pieces of the same number lie in different banks, as a matrix load reads them.</summary>
    public static int Place(int row, int piece) => row * 64 + (piece ^ row / 2 % 4) * 16;

    /// <summary>From where on a lane addresses the pixels' matrix loads: lanes 0 to 15 name 16 rows' first pieces, 16 to 31 their second ones. In FP32 a lane takes every eighth
    /// row from lane / 4 on, and every fourth column from lane % 4 on.</summary>
    public static int PixelLane<TTile, TOperand>(TTile tile, TOperand operand)
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        int lane = ILGPU.Group.IdxX % 32, warpRow = ILGPU.Group.IdxX / 32 / tile.WarpColumns * tile.RowTiles * 16;
        return warpRow * 64 + (operand.Bits(8) == 32 ? Place(lane / 4, 0) : Place(lane % 16, lane / 16));
    }

    /// <summary>The same for weights: eight rows, four pieces of each. 4-bit weights come by ordinary loads: row lane / 4, words 2·(lane % 4) and the next.</summary>
    public static int WeightLane<TTile, TOperand>(TTile tile, TOperand operand, int weightBits)
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        int lane = ILGPU.Group.IdxX % 32, warpRow = ILGPU.Group.IdxX / 32 % tile.WarpColumns * tile.ColumnTiles * 8;
        if (operand.Bits(weightBits) == 32) return warpRow * 64 + Place(lane % 4, 0);
        return weightBits == 4 ? (warpRow + lane / 4) * 32 + lane % 4 * 8 : warpRow * 64 + Place(lane % 8, lane / 8);
    }

    /// <summary>Writes 32 columns of a warp's sums where its lanes can read them.</summary>
    public static void Store<TTile, TOperand>(TTile tile, TOperand operand, int columnTile, int sums)
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        int lane = ILGPU.Group.IdxX % 32, to = sums + lane / 4 * RowBytes + lane % 4 * (operand.Bits(8) == 32 ? 4 : 8);
        TensorCore.Store(tile.RowTiles, tile.ColumnTiles, operand.Bits(8), columnTile, RowBytes, to);
        TensorCore.SynchronizeWarp();
    }

    /// <summary>Groups of a launch that computes so many results of so many rows and columns.</summary>
    public static long Groups(int count, long rows, int columns, TileKind kind)
    {
        (int height, int width) = kind switch { TileKind.Wide => (128, 128), TileKind.Large => (128, 64), _ => (64, 64) };
        return count * ((rows + height - 1) / height) * ((columns + width - 1) / width);
    }

    /// <summary>Small tiles unless larger ones keep all multiprocessors busy, two groups each, or one of wide tiles, which are for results that leave less than a sixth of
    /// them empty, and not for FP32, for lack of registers. Every size of result has one larger kind, so that the smallest and the largest batch between them use all kernels.</summary>
    public static TileKind Choose(int count, long rows, int columns, bool floats, int multiprocessors)
    {
        bool fillsWide = !floats && (columns + 127) / 128 * 128 * 5 <= columns * 6;
        if (fillsWide) return Groups(count, rows, columns, TileKind.Wide) >= multiprocessors ? TileKind.Wide : TileKind.Small;
        return Groups(count, rows, columns, TileKind.Large) >= 2L * multiprocessors ? TileKind.Large : TileKind.Small;
    }
}
