using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    private readonly NativeBuffer _scratch = new();
    private readonly NativeBuffer _padding = new();

    public override void Convolve<TShape>(ConvolutionWeights weights, Activation q, Quantization from, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default) =>
        ConvolveIntegers(weights, ConvolutionGeometry.Of(shape), shape.WeightBits, q, from, y, vector, residual, correction);

    public override void Convolve<TShape>(ConvolutionWeights weights, Activation x, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default) =>
        ConvolveFloats(weights, ConvolutionGeometry.Of(shape), shape.WeightBits, x, y, vector, residual, correction);

    // Compiled once, not for every shape.
    private void ConvolveIntegers(ConvolutionWeights weights, in ConvolutionGeometry geometry, int bits, Activation q, Quantization from, Activation y, int vector, Activation? residual, Correction correction)
    {
        Enter();
        int elementSize = bits == 8 ? 2 : 1;
        CheckWeightBits(integers: true, bits);
        CheckExact(geometry, from, bits);
        CpuWeights.Convolution w = _weights.Find(weights, geometry, bits);
        ConvolutionOperands operands = Integers(geometry, w, q, elementSize, from);
        Finish(ref operands, y, vector, residual, correction);
        fixed (float* offset = correction.Offset)
        {
            operands.Finish.Offset = offset;
            long largest = geometry.KernelSize == 3 ? (long)from.Levels * _weights.LargestSum(weights, geometry, w, bits) : 0;
            ConvolutionForm form = Winograd.Choose(geometry, Batch, bits, largest, _wide);
            if (form == ConvolutionForm.Direct && bits == 4)
            {
                if (_wide && (long)Batch * geometry.OutputPixels <= WideFewTile.MostPixels) Run<WideFewTile>(operands, geometry.ChannelGroups, _weights.Runs(weights, geometry, w, from.Levels));
                else if (_wide) Run<WideNibbleTile>(operands, geometry.ChannelGroups, _weights.Runs(weights, geometry, w, from.Levels));
                else if (VnniDot.IsSupported) RunDot<VnniDot>(operands, geometry.ChannelGroups);
                else if (ArmDot.IsSupported) RunDot<ArmDot>(operands, geometry.ChannelGroups);
                else Run<NibbleTile>(operands, geometry.ChannelGroups, _weights.Runs(weights, geometry, w, from.Levels));
            }
            else if (_wide) RunWords<WideWordTile>(form, bits, operands, geometry.ChannelGroups);
            else RunWords<WordTile>(form, bits, operands, geometry.ChannelGroups);
        }
    }

    private ConvolutionOperands Integers(in ConvolutionGeometry geometry, in CpuWeights.Convolution w, Activation q, int elementSize, Quantization from)
    {
        Map input = Integers(q, (long)geometry.InputHeight * geometry.InputWidth, geometry.InputChannels, elementSize);
        int elements = 4 * geometry.ChannelGroups, pixelBytes = elements * elementSize;
        byte* padding = _padding.Reserve(pixelBytes);
        if (elementSize == 1) new Span<byte>(padding, elements).Fill((byte)from.ZeroPoint);
        else new Span<short>(padding, elements).Fill((short)from.ZeroPoint);
        return new()
        {
            Geometry = geometry, Input = input.Start, InputStride = input.Stride, InputPixelBytes = pixelBytes, Padding = padding, Panels = w.Panels,
            Finish = new() { WeightScales = w.Scales, Bias = w.Bias, WeightSums = w.Sums, InputScale = from.Scale, ZeroPoint = from.ZeroPoint },
        };
    }

    private void ConvolveFloats(ConvolutionWeights weights, in ConvolutionGeometry geometry, int bits, Activation x, Activation y, int vector, Activation? residual, Correction correction)
    {
        Enter();
        CheckWeightBits(integers: false, bits);
        Map input = Floats(x, (long)geometry.InputHeight * geometry.InputWidth * geometry.InputChannels);
        CpuWeights.Convolution w = _weights.Find(weights, geometry, bits);
        int pixelBytes = geometry.InputChannels * sizeof(float);
        byte* padding = _padding.Reserve(pixelBytes);
        Unsafe.InitBlock(padding, 0, (uint)pixelBytes);
        var operands = new ConvolutionOperands
        {
            Geometry = geometry, Input = input.Start, InputStride = input.Stride, InputPixelBytes = pixelBytes, Padding = padding,
            Panels = w.Panels, Finish = new() { Bias = w.Bias },
        };
        Finish(ref operands, y, vector, residual, correction);
        fixed (float* offset = correction.Offset)
        {
            operands.Finish.Offset = offset;
            if (_wide) RunFloats<WideFloatTile>(bits, operands);
            else RunFloats<FloatTile>(bits, operands);
        }
    }

    /// <summary>Adds output and options, the offsets' address excepted.</summary>
    private void Finish(ref ConvolutionOperands operands, Activation y, int vector, Activation? residual, Correction correction)
    {
        ref readonly ConvolutionGeometry geometry = ref operands.Geometry;
        ref ConvolutionFinish finish = ref operands.Finish;
        operands.Batch = Batch;
        finish.OutputChannels = geometry.OutputChannels;
        finish.OutputScale = geometry.OutputScale;
        long elements = (long)geometry.OutputPixels * geometry.OutputChannels;
        Map output = Floats(y, elements);
        finish.Output = output.Start;
        finish.OutputStride = output.Stride;
        finish.FetchesResults = Sse.IsSupported && elements * sizeof(float) >= ConvolutionFinish.LeastFetched;
        if (residual is { } other)
        {
            finish.HasResidual = true;
            finish.ResidualDistance = Floats(other, elements).Start - output.Start;
        }

        if (vector >= 0)
        {
            CheckVector(vector, geometry.OutputChannels);
            Map vectors = Floats(_vectors, _vectorLength);
            finish.Vector = (byte*)((float*)vectors.Start + vector);
            finish.VectorStride = vectors.Stride;
        }

        (finish.CorrectedFrom, finish.CorrectedTo) = Corrected(correction, geometry.OutputChannels);
        finish.Gain = correction.Gain;
    }

    /// <summary>FP32 products, in the form that the shape defines.</summary>
    private void RunFloats<TTile>(int bits, in ConvolutionOperands operands)
        where TTile : struct, ITileKernel
    {
        int channels = operands.Geometry.InputChannels;
        switch (FloatWinograd.Computes(operands.Geometry))
        {
            case true when bits == 16: Run<FloatWinograd<HalfSource>, TTile>(operands, channels); break;
            case true: Run<FloatWinograd<FloatSource>, TTile>(operands, channels); break;
            case false when bits == 16: Run<HalfTile<TTile>>(operands, channels, default); break;
            default: Run<TTile>(operands, channels, default); break;
        }
    }

    /// <summary>Products of 16-bit words, in any form.</summary>
    private void RunWords<TTile>(ConvolutionForm form, int bits, in ConvolutionOperands operands, int blocks)
        where TTile : struct, ITileKernel
    {
        if (form == ConvolutionForm.Direct) Run<TTile>(operands, blocks, default);
        else if (_wide && 4 * blocks >= Lanes512<short>.Count) RunWinograd<TTile, Lanes512<short>, Lanes512<int>>(form, bits, operands, blocks);
        else RunWinograd<TTile, Lanes256<short>, Lanes256<int>>(form, bits, operands, blocks);
    }

    private void RunWinograd<TTile, TWords, TSums>(ConvolutionForm form, int bits, in ConvolutionOperands operands, int blocks)
        where TTile : struct, ITileKernel
        where TWords : unmanaged, ILanes<TWords, short>
        where TSums : unmanaged, ILanes<TSums, int>
    {
        if (form == ConvolutionForm.Winograd2) Run<Winograd2<WordSource, TWords, TSums>, TTile>(operands, blocks);
        else if (bits == 4) Run<Winograd4<NibbleSource, TWords, TSums>, TTile>(operands, blocks);
        else Run<Winograd4<WordSource, TWords, TSums>, TTile>(operands, blocks);
    }

    private void Run<TKernel>(in ConvolutionOperands operands, int blocks, NarrowRuns runs)
        where TKernel : struct, ITileKernel
    {
        var work = new ConvolutionWork<TKernel> { Operands = operands, Blocks = blocks, Runs = runs };
        work.Plan(_pool.Threads);
        work.Scratch = WorkerScratch(work.ScratchStride);
        Run(work.Items, ref work);
    }

    /// <summary>Activations less the instruction's offset have a zero point that much lower, so what is finished is the same.</summary>
    private void RunDot<TDot>(ConvolutionOperands operands, int blocks)
        where TDot : struct, IQuadDot
    {
        operands.Finish.ZeroPoint -= TDot.Offset;
        Run<DotTile<TDot>>(operands, blocks, default);
    }

    private void Run<TForm, TTile>(in ConvolutionOperands operands, int blocks)
        where TForm : struct, IWinogradForm
        where TTile : struct, ITileKernel
    {
        var work = new WinogradWork<TForm, TTile> { Operands = operands, Blocks = blocks };
        work.Plan(_pool.Threads);
        work.Scratch = WorkerScratch(work.ScratchStride);
        Run(work.Items, ref work);
    }

    /// <summary>Scratch for all workers. Each part begins with the block that its worker has prepared: none yet.</summary>
    private byte* WorkerScratch(long stride)
    {
        byte* scratch = _scratch.Reserve(stride * _pool.Threads);
        for (int worker = 0; worker < _pool.Threads; worker++) *(int*)(scratch + worker * stride) = -1;
        return scratch;
    }
}
