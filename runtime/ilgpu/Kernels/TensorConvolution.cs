using ILGPU;
using ILGPU.Util;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>How a group of four warps splits its part of the result.</summary>
internal interface ITensorTile
{
    /// <summary>Tiles of 16 pixels and of 8 output channels that a warp holds the sums of.</summary>
    int RowTiles { get; }
    int ColumnTiles { get; }
}

/// <summary>128 pixels by 64 output channels: two warps by two, 64 by 32 each.</summary>
internal readonly struct LargeTile : ITensorTile
{
    public int RowTiles => 4;
    public int ColumnTiles => 4;
}

/// <summary>64 pixels by 64 output channels, for layers that would leave processors idle otherwise.</summary>
internal readonly struct SmallTile : ITensorTile
{
    public int RowTiles => 2;
    public int ColumnTiles => 4;
}

/// <summary>What the matrix instruction multiplies.</summary>
internal interface ITensorOperand
{
    /// <summary>Bits of a weight; 16 for FP16.</summary>
    int Bits(int weightBits);
    bool IsHalf { get; }
}

internal readonly struct IntegerOperand : ITensorOperand
{
    public int Bits(int weightBits) => weightBits;
    public bool IsHalf => false;
}

internal readonly struct HalfOperand : ITensorOperand
{
    public int Bits(int weightBits) => 16;
    public bool IsHalf => true;
}

/// <summary>Convolution on tensor cores, in integers or FP16: an implicit matrix product, pixels by output channels, along taps and channels in steps
/// of 64 bytes. FP16 is the same in everything but the instruction and the sums' type: its shape has two byte-wide channels for each of its own.
/// Each step's 64 bytes per pixel and per output go from global to shared memory by asynchronous 16-byte copies, three steps ahead of
/// the one being multiplied. Weights are repacked as <see cref="RepackKernels"/> says.</summary>
internal static class TensorConvolution
{
    public const int Threads = 128;
    /// <summary>Output channels of a group, and the multiple that weights are padded to.</summary>
    public const int BlockOutputs = 64;
    /// <summary>Channels of a step; bytes, to be exact.</summary>
    public const int Step = 64;
    public const int Stages = 4;
    /// <summary>A warp's 32 output channels and eight words more, so that rows start in different banks.</summary>
    public const int RowBytes = 4 * (32 + 8);

    public static void LargeLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Run(a, default(TShape), default(LargeTile), default(IntegerOperand));

    public static void LargeDynamic8(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(LargeTile), default(IntegerOperand));

    public static void LargeDynamic4(ConvolutionArguments a) => Run(a, new Bits4(a.Shape), default(LargeTile), default(IntegerOperand));

    public static void SmallLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Run(a, default(TShape), default(SmallTile), default(IntegerOperand));

    public static void SmallDynamic8(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(SmallTile), default(IntegerOperand));

    public static void SmallDynamic4(ConvolutionArguments a) => Run(a, new Bits4(a.Shape), default(SmallTile), default(IntegerOperand));

    public static void LargeHalfLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(HalfBytes<TShape>), default(LargeTile), default(HalfOperand));

    public static void LargeHalfDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(LargeTile), default(HalfOperand));

    public static void SmallHalfLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(HalfBytes<TShape>), default(SmallTile), default(HalfOperand));

    public static void SmallHalfDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(SmallTile), default(HalfOperand));

    /// <summary>A shape whose channels are the bytes of FP16 ones, in whole pieces of 16.</summary>
    public static ConvolutionDimensions OfHalves(ConvolutionDimensions s) => s with { InputChannels = 4 * HalfConvolution.PixelWords(s.InputChannels), WeightBits = 8 };

    /// <summary>Whether the layer is worth it, and fits: pixels of whole 16-byte pieces, and for 4 bits sums that may be 16 times too large.</summary>
    public static bool Fits(ConvolutionDimensions s, int levels) => s.InputChannels % 16 == 0 && s.OutputChannels >= 16
        && (s.WeightBits == 8 || (long)s.KernelSize * s.KernelSize * s.InputChannels * levels * 7 * 16 <= int.MaxValue);

    public static int BlockPixels(bool large) => large ? 128 : 64;

    /// <summary>Groups of a launch.</summary>
    public static long Groups(ConvolutionDimensions s, int batch, bool large) =>
        ((long)batch * s.OutputHeight * s.OutputWidth + BlockPixels(large) - 1) / BlockPixels(large) * ((s.OutputChannels + BlockOutputs - 1) / BlockOutputs);

    private static void Run<TShape, TTile, TOperand>(ConvolutionArguments a, TShape shape, TTile tile, TOperand operand)
        where TShape : struct, IConvolutionShape
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        int blockPixels = tile.RowTiles * 32, weightBytes = Step * shape.WeightBits / 8, stageBytes = blockPixels * Step + BlockOutputs * weightBytes;
        TensorCore.Declare(tile.RowTiles, tile.ColumnTiles, Math.Max(Stages * (tile.RowTiles * 32 * Step + BlockOutputs * (Step * shape.WeightBits / 8)), 4 * tile.RowTiles * 16 * RowBytes));
        int shared = TensorCore.Shared(), thread = Group.IdxX, warp = thread / 32, lane = thread % 32;
        int outputBlocks = (shape.OutputChannels + BlockOutputs - 1) / BlockOutputs;
        int firstOutput = Grid.IdxX % outputBlocks * BlockOutputs, firstPixel = Grid.IdxX / outputBlocks * blockPixels;
        int pixels = a.Batch * shape.OutputHeight * shape.OutputWidth;

        // A thread copies piece thread % 4 of every 32nd row; a row past the end repeats the last pixel and is not stored.
        var loader = new Loader
        {
            Piece = thread % 4, PixelAddress = shared + thread / 4 * Step + thread % 4 * 16,
            WeightAddress = shared + blockPixels * Step + thread * 16,
            P0 = OutputPixel.Of(shape, Math.Min(firstPixel + thread / 4, pixels - 1)),
            P1 = OutputPixel.Of(shape, Math.Min(firstPixel + thread / 4 + 32, pixels - 1)),
            P2 = OutputPixel.Of(shape, Math.Min(firstPixel + thread / 4 + 64, pixels - 1)),
            P3 = OutputPixel.Of(shape, Math.Min(firstPixel + thread / 4 + 96, pixels - 1)),
        };
        int chunks = (shape.InputChannels + Step - 1) / Step, steps = shape.KernelSize * shape.KernelSize * chunks;

        // 8 bits: four pieces of an output's 64 bytes and two rows a thread; 4 bits: two pieces of 32 bytes, one row.
        int pieces = weightBytes / 16;
        loader.WeightIndex = ((long)(firstOutput + thread / pieces) * steps * weightBytes + thread % pieces * 16) / 4;
        long weightRows = (long)(Threads / pieces) * steps * weightBytes / 4;

        for (int step = 0; step < Stages - 1; step++)
        {
            if (step < steps) Load(a, shape, tile, loader, step, chunks, step * stageBytes, weightRows);
            TensorCore.Commit();
        }

        int pixelLane = shared + (warp / 2 * tile.RowTiles * 16 + lane / 4) * Step + lane % 4 * 16;
        int weightLane = shared + blockPixels * Step + (warp % 2 * 32 + lane / 4) * weightBytes + lane % 4 * pieces * 4;
        for (int step = 0; step < steps; step++)
        {
            TensorCore.Wait(Stages - 2);
            Group.Barrier();
            int next = step + Stages - 1;
            if (next < steps) Load(a, shape, tile, loader, next, chunks, next % Stages * stageBytes, weightRows);
            TensorCore.Commit();
            int stage = step % Stages * stageBytes;
            TensorCore.Multiply(tile.RowTiles, tile.ColumnTiles, operand.Bits(shape.WeightBits), pixelLane + stage, weightLane + stage);
        }

        TensorCore.Wait(0);
        Group.Barrier();
        int sums = shared + warp * tile.RowTiles * 16 * RowBytes;
        TensorCore.Store(tile.RowTiles, tile.ColumnTiles, RowBytes, sums + lane / 4 * RowBytes + lane % 4 * 8);
        TensorCore.SynchronizeWarp();
        int channel = firstOutput + warp % 2 * 32 + lane, pixel = firstPixel + warp / 2 * tile.RowTiles * 16;
        if (channel >= shape.OutputChannels) return;
        for (int row = 0; row < tile.RowTiles * 16 && pixel + row < pixels; row++)
        {
            int sum = TensorCore.Load(sums + row * RowBytes + lane * 4);
            OutputPixel at = OutputPixel.Of(shape, pixel + row);
            if (operand.IsHalf) a.Finish(at.Image, at.Pixel, channel, shape.OutputChannels, shape.OutputScale, Interop.IntAsFloat((uint)sum) + a.Bias[channel]);
            else a.Finish(at.Image, at.Pixel, channel, shape.OutputChannels, shape.OutputScale, shape.WeightBits == 4 ? sum >> 4 : sum);
        }
    }

    private struct Loader
    {
        public int Piece, PixelAddress, WeightAddress;
        public long WeightIndex;
        public OutputPixel P0, P1, P2, P3;
    }

    private static void Load<TShape, TTile>(ConvolutionArguments a, TShape shape, TTile tile, Loader loader, int step, int chunks, int stage, long weightRows)
        where TShape : struct, IConvolutionShape
        where TTile : struct, ITensorTile
    {
        int tap = step / chunks, channel = step % chunks * Step + loader.Piece * 16, row = tap / shape.KernelSize, column = tap % shape.KernelSize;
        CopyPixel(a, shape, loader.P0, row, column, channel, loader.PixelAddress + stage);
        CopyPixel(a, shape, loader.P1, row, column, channel, loader.PixelAddress + stage + 32 * Step);
        if (tile.RowTiles == 4)
        {
            CopyPixel(a, shape, loader.P2, row, column, channel, loader.PixelAddress + stage + 64 * Step);
            CopyPixel(a, shape, loader.P3, row, column, channel, loader.PixelAddress + stage + 96 * Step);
        }

        long weight = loader.WeightIndex + (long)step * Step * shape.WeightBits / 32;
        TensorCore.CopyAsync(loader.WeightAddress + stage, ref a.Panels[weight]);
        if (shape.WeightBits == 8) TensorCore.CopyAsync(loader.WeightAddress + stage + Threads * 16, ref a.Panels[weight + weightRows]);
    }

    /// <summary>Outside the map a pixel is its zero point. Channels past the last one meet zero weights: anything will do.</summary>
    private static void CopyPixel<TShape>(ConvolutionArguments a, TShape shape, OutputPixel pixel, int row, int column, int channel, int address)
        where TShape : struct, IConvolutionShape
    {
        // Without a branch: lanes of a warp lie inside and outside. One comparison as unsigned numbers checks both bounds.
        int y = pixel.Top + row, x = pixel.Left + column;
        bool inside = (uint)y < (uint)(shape.InputHeight * shape.Upsample) & (uint)x < (uint)(shape.InputWidth * shape.Upsample) & channel < shape.InputChannels;
        int input = (y / shape.Upsample * shape.InputWidth + x / shape.Upsample) * shape.InputChannels + channel;
        long index = Utilities.Select(inside, (long)pixel.Image * a.Q.Stride + input / 4, a.PaddingIndex + a.ZeroPoint * 4);
        TensorCore.CopyAsync(address, ref a.Q.Elements[index]);
    }

    // The number of bits decides which instructions there are, so it is a constant even where the sizes are not.

    private readonly struct HalfBytes<TShape> : IConvolutionShape
        where TShape : struct, IConvolutionShape
    {
        public int InputHeight => default(TShape).InputHeight;
        public int InputWidth => default(TShape).InputWidth;
        public int InputChannels => 4 * HalfConvolution.PixelWords(default(TShape).InputChannels);
        public int OutputHeight => default(TShape).OutputHeight;
        public int OutputWidth => default(TShape).OutputWidth;
        public int OutputChannels => default(TShape).OutputChannels;
        public int KernelSize => default(TShape).KernelSize;
        public int Stride => default(TShape).Stride;
        public int PaddingTop => default(TShape).PaddingTop;
        public int PaddingLeft => default(TShape).PaddingLeft;
        public int Upsample => default(TShape).Upsample;
        public int WeightBits => 8;
        public float OutputScale => default(TShape).OutputScale;
    }

    private readonly struct Bits8(ConvolutionDimensions d) : IConvolutionShape
    {
        private readonly ConvolutionDimensions _d = d;
        public int InputHeight => _d.InputHeight;
        public int InputWidth => _d.InputWidth;
        public int InputChannels => _d.InputChannels;
        public int OutputHeight => _d.OutputHeight;
        public int OutputWidth => _d.OutputWidth;
        public int OutputChannels => _d.OutputChannels;
        public int KernelSize => _d.KernelSize;
        public int Stride => _d.Stride;
        public int PaddingTop => _d.PaddingTop;
        public int PaddingLeft => _d.PaddingLeft;
        public int Upsample => _d.Upsample;
        public int WeightBits => 8;
        public float OutputScale => _d.OutputScale;
    }

    private readonly struct Bits4(ConvolutionDimensions d) : IConvolutionShape
    {
        private readonly ConvolutionDimensions _d = d;
        public int InputHeight => _d.InputHeight;
        public int InputWidth => _d.InputWidth;
        public int InputChannels => _d.InputChannels;
        public int OutputHeight => _d.OutputHeight;
        public int OutputWidth => _d.OutputWidth;
        public int OutputChannels => _d.OutputChannels;
        public int KernelSize => _d.KernelSize;
        public int Stride => _d.Stride;
        public int PaddingTop => _d.PaddingTop;
        public int PaddingLeft => _d.PaddingLeft;
        public int Upsample => _d.Upsample;
        public int WeightBits => 4;
        public float OutputScale => _d.OutputScale;
    }
}
