using ILGPU;
using ILGPU.Util;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>Convolution on tensor cores, in integers or FP16, and in FP32 without them: an implicit matrix product, pixels by output channels, along taps and channels in steps
/// of 64 bytes. FP16 and FP32 are the same in everything but the instruction and the sums' type: their shapes have two or four byte-wide channels for each of their own.
/// Each step's 64 bytes per pixel and per output go from global to shared memory by asynchronous 16-byte copies, three steps ahead of
/// the one being multiplied. Weights are repacked as <see cref="RepackKernels"/> says.</summary>
internal static class TensorConvolution
{
    public const int Threads = 128;
    /// <summary>What weights are padded to, in outputs.</summary>
    public const int OutputMultiple = 64;
    /// <summary>Channels of a step; bytes, to be exact.</summary>
    public const int Step = 64;

    public static void WideLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Run(a, default(TShape), default(WideTile), default(IntegerOperand));

    public static void WideDynamic8(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(WideTile), default(IntegerOperand));

    public static void WideDynamic4(ConvolutionArguments a) => Run(a, new Bits4(a.Shape), default(WideTile), default(IntegerOperand));

    public static void WideHalfLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(RealBytes<TShape, HalfOperand>), default(WideTile), default(HalfOperand));

    public static void WideHalfDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(WideTile), default(HalfOperand));

    public static void LargeLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Run(a, default(TShape), default(LargeTile), default(IntegerOperand));

    public static void LargeDynamic8(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(LargeTile), default(IntegerOperand));

    public static void LargeDynamic4(ConvolutionArguments a) => Run(a, new Bits4(a.Shape), default(LargeTile), default(IntegerOperand));

    public static void LargeHalfLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(RealBytes<TShape, HalfOperand>), default(LargeTile), default(HalfOperand));

    public static void LargeHalfDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(LargeTile), default(HalfOperand));

    public static void SmallLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape => Run(a, default(TShape), default(SmallTile), default(IntegerOperand));

    public static void SmallDynamic8(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(SmallTile), default(IntegerOperand));

    public static void SmallDynamic4(ConvolutionArguments a) => Run(a, new Bits4(a.Shape), default(SmallTile), default(IntegerOperand));

    public static void SmallHalfLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(RealBytes<TShape, HalfOperand>), default(SmallTile), default(HalfOperand));

    public static void SmallHalfDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(SmallTile), default(HalfOperand));

    public static void LargeFloatLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(RealBytes<TShape, FloatOperand>), default(LargeTile), default(FloatOperand));

    public static void LargeFloatDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(LargeTile), default(FloatOperand));

    public static void SmallFloatLiteral<TShape>(ConvolutionArguments a) where TShape : struct, IConvolutionShape =>
        Run(a, default(RealBytes<TShape, FloatOperand>), default(SmallTile), default(FloatOperand));

    public static void SmallFloatDynamic(ConvolutionArguments a) => Run(a, new Bits8(a.Shape), default(SmallTile), default(FloatOperand));

    /// <summary>A shape whose channels are the bytes of real ones.</summary>
    public static ConvolutionDimensions OfBytes<TOperand>(ConvolutionDimensions s, TOperand operand)
        where TOperand : struct, ITensorOperand => s with { InputChannels = operand.PixelBytes(s.InputChannels), WeightBits = 8 };

    /// <summary>Whether an FP32 layer is: whole pieces again.</summary>
    public static bool FitsFloats(ConvolutionDimensions s) => s.InputChannels % 4 == 0 && s.InputChannels >= 16 && s.OutputChannels >= 16;

    /// <summary>Whether the layer is worth it, and fits: pixels of whole 16-byte pieces, and for 4 bits sums that may be 16 times too large.</summary>
    public static bool Fits(ConvolutionDimensions s, int levels) => s.InputChannels % 16 == 0 && s.OutputChannels >= 16
        && (s.WeightBits == 8 || (long)s.KernelSize * s.KernelSize * s.InputChannels * levels * 7 * 16 <= int.MaxValue);

    /// <summary>Groups of a launch.</summary>
    public static long Groups(ConvolutionDimensions s, int batch, TileKind kind) => TensorTile.Groups(1, (long)batch * s.OutputHeight * s.OutputWidth, s.OutputChannels, kind);

    private static void Run<TShape, TTile, TOperand>(ConvolutionArguments a, TShape shape, TTile tile, TOperand operand)
        where TShape : struct, IConvolutionShape
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        int rows = TensorTile.Rows(tile), columns = TensorTile.Columns(tile), weightBytes = Step * shape.WeightBits / 8, stageBytes = rows * Step + columns * weightBytes;
        TensorCore.Declare(tile.RowTiles, tile.ColumnTiles, Math.Max(
            tile.Stages * (TensorTile.Rows(tile) * Step + TensorTile.Columns(tile) * (Step * shape.WeightBits / 8)), TensorTile.SumBytes(tile)));
        int shared = TensorCore.Shared(), thread = Group.IdxX;
        int outputBlocks = (shape.OutputChannels + columns - 1) / columns;
        int firstOutput = Grid.IdxX % outputBlocks * columns, firstPixel = Grid.IdxX / outputBlocks * rows;
        int steps = shape.KernelSize * shape.KernelSize * Chunks(shape);

        var loader = new Loader<TShape, TTile>(a, shape, tile, shared, thread, firstPixel, firstOutput);
        for (int step = 0; step < tile.Stages - 1; step++)
        {
            if (step < steps) loader.Load(a, shape, tile);
            TensorCore.Commit();
        }

        int warp = thread / 32, stage = 0;
        int pixelLane = shared + TensorTile.PixelLane(tile, operand), weightLane = shared + rows * Step + TensorTile.WeightLane(tile, operand, shape.WeightBits);
        for (int step = 0; step < steps; step++)
        {
            TensorCore.Wait(tile.Stages - 2);
            Group.Barrier();
            if (step + tile.Stages - 1 < steps) loader.Load(a, shape, tile);
            TensorCore.Commit();
            TensorCore.Multiply(tile.RowTiles, tile.ColumnTiles, operand.Bits(shape.WeightBits), pixelLane + stage, weightLane + stage);
            stage = TensorTile.NextStage(tile, stage, stageBytes);
        }

        TensorCore.Wait(0);
        Group.Barrier();
        Store(a, shape, tile, operand, shared, firstPixel + warp / tile.WarpColumns * tile.RowTiles * 16, firstOutput + warp % tile.WarpColumns * tile.ColumnTiles * 8);
    }

    /// <summary>Steps of a tap.</summary>
    private static int Chunks<TShape>(TShape shape) where TShape : struct, IConvolutionShape => (shape.InputChannels + Step - 1) / Step;

    /// <summary>A warp's sums, by way of shared memory: 32 output channels at a time, a lane for each, four pixels together so that their residuals are under way at once.</summary>
    private static void Store<TShape, TTile, TOperand>(ConvolutionArguments a, TShape shape, TTile tile, TOperand operand, int shared, int firstPixel, int firstChannel)
        where TShape : struct, IConvolutionShape
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        int lane = Group.IdxX % 32, sums = shared + Group.IdxX / 32 * tile.RowTiles * 16 * TensorTile.RowBytes;
        int pixels = a.Batch * shape.OutputHeight * shape.OutputWidth, last = pixels - 1;
        Store(a, shape, tile, operand, sums, firstPixel, last, firstChannel + lane, 0);
        if (tile.ColumnTiles == 4) return;
        TensorCore.SynchronizeWarp();
        Store(a, shape, tile, operand, sums, firstPixel, last, firstChannel + 32 + lane, 4);
    }

    private static void Store<TShape, TTile, TOperand>(
        ConvolutionArguments a, TShape shape, TTile tile, TOperand operand, int sums, int firstPixel, int last, int channel, int columnTile)
        where TShape : struct, IConvolutionShape
        where TTile : struct, ITensorTile
        where TOperand : struct, ITensorOperand
    {
        TensorTile.Store(tile, operand, columnTile, sums);
        if (channel < shape.OutputChannels)
        {
            OutputChannel c = a.Channel(channel, operand.IsReal);
            int address = sums + Group.IdxX % 32 * 4;
            for (int row = 0; row < tile.RowTiles * 16 && firstPixel + row <= last; row += 4, address += 4 * TensorTile.RowBytes)
            {
                int pixel = firstPixel + row;
                long e0 = a.Element(shape, pixel, channel), e1 = a.Element(shape, Math.Min(pixel + 1, last), channel);
                long e2 = a.Element(shape, Math.Min(pixel + 2, last), channel), e3 = a.Element(shape, Math.Min(pixel + 3, last), channel);
                Quad<float> residual = default;
                if (a.HasResidual != 0)
                    residual = new() { A = a.Residual.Elements[e0], B = a.Residual.Elements[e1], C = a.Residual.Elements[e2], D = a.Residual.Elements[e3] };
                Finish(a, shape, operand, c, address, pixel, channel, residual.A, e0);
                if (pixel < last) Finish(a, shape, operand, c, address + TensorTile.RowBytes, pixel + 1, channel, residual.B, e1);
                if (pixel + 1 < last) Finish(a, shape, operand, c, address + 2 * TensorTile.RowBytes, pixel + 2, channel, residual.C, e2);
                if (pixel + 2 < last) Finish(a, shape, operand, c, address + 3 * TensorTile.RowBytes, pixel + 3, channel, residual.D, e3);
            }
        }
    }

    private static void Finish<TShape, TOperand>(
        ConvolutionArguments a, TShape shape, TOperand operand, OutputChannel c, int address, int pixel, int channel, float residual, long element)
        where TShape : struct, IConvolutionShape
        where TOperand : struct, ITensorOperand
    {
        int sum = TensorCore.Load(address);
        float value = operand.IsReal ? Interop.IntAsFloat((uint)sum) + c.Bias : c.Real(shape.WeightBits == 4 ? sum >> 4 : sum);
        a.Output.Elements[element] = a.Finish(c, pixel / (shape.OutputHeight * shape.OutputWidth), channel, shape.OutputScale, value, residual);
    }

    /// <summary>Copies a step's 64 bytes of every pixel and output to shared memory, tap after tap. A thread takes piece thread % 4 of every 32nd pixel, whose address is worked out
    /// once a tap. A pixel past the end repeats the last one and is not stored.</summary>
    private struct Loader<TShape, TTile>
        where TShape : struct, IConvolutionShape
        where TTile : struct, ITensorTile
    {
        private readonly int _piece, _pixelTo, _weightTo, _stageBytes;
        private readonly long _nextWeights, _padding;
        private long _weights;
        private int _stage, _chunk, _row, _column;
        private InputPixel _p0, _p1, _p2, _p3;

        public Loader(ConvolutionArguments a, TShape shape, TTile tile, int shared, int thread, int firstPixel, int firstOutput)
        {
            int rows = TensorTile.Rows(tile), weightBytes = Step * shape.WeightBits / 8, last = a.Batch * shape.OutputHeight * shape.OutputWidth - 1;
            _piece = thread % 4;
            _pixelTo = shared + TensorTile.Place(thread / 4, thread % 4);
            _weightTo = shared + rows * Step + (shape.WeightBits == 4 ? thread * 16 : TensorTile.Place(thread / 4, thread % 4));
            _stageBytes = rows * Step + TensorTile.Columns(tile) * weightBytes;
            _padding = TensorCore.GlobalAddress(ref a.Padding[a.ZeroPoint * 4]);
            int pixel = firstPixel + thread / 4;
            _p0 = new() { Output = OutputPixel.Of(shape, Math.Min(pixel, last)) };
            _p1 = new() { Output = OutputPixel.Of(shape, Math.Min(pixel + 32, last)) };
            _p2 = new() { Output = OutputPixel.Of(shape, Math.Min(pixel + 64, last)) };
            _p3 = new() { Output = OutputPixel.Of(shape, Math.Min(pixel + 96, last)) };
            _row = _column = _chunk = _stage = 0;

            // A row of 8-bit weights has four pieces of 16 bytes, one of 4-bit weights two. Behind the padded rows there is nothing.
            int pieces = weightBytes / 16, step = Threads / pieces, output = firstOutput + thread / pieces;
            long rowBytes = (long)shape.KernelSize * shape.KernelSize * Chunks(shape) * weightBytes;
            int mostOutput = (shape.OutputChannels + OutputMultiple - 1) / OutputMultiple * OutputMultiple - 1;
            _weights = TensorCore.GlobalAddress(ref a.Panels[0]) + Math.Min(output, mostOutput) * rowBytes + thread % pieces * 16;
            _nextWeights = step * rowBytes;
            Move(a, shape, tile);
        }

        public void Load(ConvolutionArguments a, TShape shape, TTile tile)
        {
            // Channels past the last one meet zero weights: anything finite will do.
            bool beyond = shape.InputChannels % Step != 0 && _chunk * Step + _piece * 16 >= shape.InputChannels;
            int to = _pixelTo + _stage, offset = _chunk * Step;
            TensorCore.CopyAsync(to, _p0.Address(offset, beyond, _padding));
            TensorCore.CopyAsync(to + 32 * Step, _p1.Address(offset, beyond, _padding));
            if (TensorTile.Rows(tile) == 128)
            {
                TensorCore.CopyAsync(to + 64 * Step, _p2.Address(offset, beyond, _padding));
                TensorCore.CopyAsync(to + 96 * Step, _p3.Address(offset, beyond, _padding));
            }

            int copies = TensorTile.Columns(tile) * shape.WeightBits * (Step / 8) / (16 * Threads);
            TensorCore.CopyAsync(_weightTo + _stage, _weights);
            if (copies > 1) TensorCore.CopyAsync(_weightTo + _stage + Threads * 16, _weights + _nextWeights);
            if (copies > 2)
            {
                TensorCore.CopyAsync(_weightTo + _stage + 2 * Threads * 16, _weights + 2 * _nextWeights);
                TensorCore.CopyAsync(_weightTo + _stage + 3 * Threads * 16, _weights + 3 * _nextWeights);
            }

            _weights += Step * shape.WeightBits / 8;
            _stage = TensorTile.NextStage(tile, _stage, _stageBytes);
            _chunk++;
            if (shape.KernelSize == 1 || _chunk < Chunks(shape)) return;
            _chunk = 0;
            _column++;
            if (_column == shape.KernelSize)
            {
                _column = 0;
                _row++;
            }

            Move(a, shape, tile);
        }

        /// <summary>To the tap.</summary>
        private void Move(ConvolutionArguments a, TShape shape, TTile tile)
        {
            _p0.Move(a, shape, _row, _column, _piece, _padding);
            _p1.Move(a, shape, _row, _column, _piece, _padding);
            if (TensorTile.Rows(tile) != 128) return;
            _p2.Move(a, shape, _row, _column, _piece, _padding);
            _p3.Move(a, shape, _row, _column, _piece, _padding);
        }
    }

    /// <summary>The input pixel of a tap: where its first 16 bytes are, and whether others follow.</summary>
    private struct InputPixel
    {
        public OutputPixel Output;
        private long _address;
        /// <summary>All bits, or none where the pixel repeats one piece.</summary>
        private int _mask;

        /// <summary>Outside the map a pixel is its zero point, over and over.</summary>
        public void Move<TShape>(ConvolutionArguments a, TShape shape, int row, int column, int piece, long padding)
            where TShape : struct, IConvolutionShape
        {
            // Without a branch: lanes of a warp lie inside and outside.
            int y = Output.Top + row, x = Output.Left + column;
            bool inside = OutputPixel.IsInside(shape, y, x);
            int pixel = y / shape.Upsample * shape.InputWidth + x / shape.Upsample;
            long index = (long)Output.Image * a.Q.Stride + pixel * (shape.InputChannels / 4) + piece * 4;
            _address = Utilities.Select(inside, TensorCore.GlobalAddress(ref a.Q.Elements[0]) + 4 * index, padding);
            _mask = Utilities.Select(inside, -1, 0);
        }

        public readonly long Address(int offset, bool beyond, long padding) => Utilities.Select(beyond, padding, _address + (offset & _mask));
    }

    // The number of bits decides which instructions there are, so it is a constant even where the sizes are not.

    /// <summary>A shape whose channels are the bytes of real ones.</summary>
    private readonly struct RealBytes<TShape, TOperand> : IConvolutionShape
        where TShape : struct, IConvolutionShape
        where TOperand : struct, ITensorOperand
    {
        public int InputHeight => default(TShape).InputHeight;
        public int InputWidth => default(TShape).InputWidth;
        public int InputChannels => default(TOperand).PixelBytes(default(TShape).InputChannels);
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
