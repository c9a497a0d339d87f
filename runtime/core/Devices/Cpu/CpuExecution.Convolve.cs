using System.Runtime.CompilerServices;
using Specializer.Kernels;

namespace Specializer;

internal sealed unsafe partial class CpuExecution
{
    private readonly NativeBuffer _scratch = new();
    private readonly NativeBuffer _padding = new();

    public override void Convolve<TShape>(ConvolutionWeights weights, Activation q, Quantization from, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default)
    {
        Enter();
        var geometry = ConvolutionGeometry.Of(shape);
        int bits = shape.WeightBits, elementSize = bits == 8 ? 2 : 1;
        if (bits is not (4 or 8))
            throw new ArgumentException($"An integer convolution has weights of 4 or 8 bits, not {bits}; FP32 weights take an FP32 map.");
        CheckExact(geometry, from, bits);
        CpuWeights.Convolution w = _weights.Find(weights, geometry, bits);
        if (bits == 4) ConvolveIntegers<NibbleTile>(geometry, w, q, elementSize, from, y, vector, residual, correction);
        else ConvolveIntegers<WordTile>(geometry, w, q, elementSize, from, y, vector, residual, correction);
    }

    private void ConvolveIntegers<TKernel>(in ConvolutionGeometry geometry, in CpuWeights.Convolution w, Activation q, int elementSize, Quantization from,
        Activation y, int vector, Activation? residual, Correction correction)
        where TKernel : struct, ITileKernel
    {
        Map input = Integers(q, (long)geometry.InputHeight * geometry.InputWidth, geometry.InputChannels, elementSize);
        int elements = 4 * geometry.ChannelGroups, pixelBytes = elements * elementSize;
        byte* padding = _padding.Reserve(pixelBytes);
        if (elementSize == 1) new Span<byte>(padding, elements).Fill((byte)from.ZeroPoint);
        else new Span<short>(padding, elements).Fill((short)from.ZeroPoint);
        var work = new ConvolutionWork<TKernel>
        {
            Geometry = geometry, Input = input.Start, InputStride = input.Stride, InputPixelBytes = pixelBytes, Padding = padding,
            Blocks = geometry.ChannelGroups, Depth = NibbleTile.Depth(from.Levels),
            Panels = w.Panels, WeightScales = w.Scales, Bias = w.Bias, WeightSums = w.Sums, InputScale = from.Scale, ZeroPoint = from.ZeroPoint,
        };
        Finish(ref work, y, vector, residual, correction);
    }

    public override void Convolve<TShape>(ConvolutionWeights weights, Activation x, Activation y,
        int vector = -1, Activation? residual = null, Correction correction = default, TShape shape = default)
    {
        Enter();
        var geometry = ConvolutionGeometry.Of(shape);
        if (shape.WeightBits != 32)
            throw new ArgumentException($"An FP32 convolution has weights of 32 bits, not {shape.WeightBits}; integer weights take a quantized map.");
        Map input = Floats(x, (long)geometry.InputHeight * geometry.InputWidth * geometry.InputChannels);
        CpuWeights.Convolution w = _weights.Find(weights, geometry, 32);
        byte* padding = _padding.Reserve(geometry.InputChannels * sizeof(float));
        Unsafe.InitBlock(padding, 0, (uint)(geometry.InputChannels * sizeof(float)));
        var work = new ConvolutionWork<FloatTile>
        {
            Geometry = geometry, Input = input.Start, InputStride = input.Stride, InputPixelBytes = geometry.InputChannels * sizeof(float), Padding = padding,
            Blocks = geometry.InputChannels, Panels = w.Panels, Bias = w.Bias,
        };
        Finish(ref work, y, vector, residual, correction);
    }

    /// <summary>Adds output and options, and runs.</summary>
    private void Finish<TKernel>(ref ConvolutionWork<TKernel> work, Activation y, int vector, Activation? residual, Correction correction)
        where TKernel : struct, ITileKernel
    {
        long elements = (long)work.Geometry.OutputPixels * work.Geometry.OutputChannels;
        Map output = Floats(y, elements);
        work.Output = output.Start;
        work.OutputStride = output.Stride;
        if (residual is { } other)
        {
            work.HasResidual = true;
            work.ResidualDistance = Floats(other, elements).Start - output.Start;
        }

        if (vector >= 0)
        {
            if (vector + work.Geometry.OutputChannels > _vectorLength)
                throw new ArgumentException($"Channels {vector} to {vector + work.Geometry.OutputChannels - 1} of the step vectors were asked for; Embed has written {_vectorLength}.", nameof(vector));
            Map vectors = Floats(_vectors, _vectorLength);
            work.Vector = (byte*)((float*)vectors.Start + vector);
            work.VectorStride = vectors.Stride;
        }

        // A default correction has gain 0, which no real one has.
        work.HasCorrection = !Guided && (correction.Gain is not (0f or 1f) || correction.Offset.Length != 0);
        if (work.HasCorrection && correction.Offset.Length != 0 && correction.Offset.Length != work.Geometry.OutputChannels)
            throw new ArgumentException($"The correction has {correction.Offset.Length} offsets for {work.Geometry.OutputChannels} channels.", nameof(correction));
        work.Gain = correction.Gain;
        work.Plan(Batch, _pool.Threads);
        work.Scratch = _scratch.Reserve(work.ScratchStride * _pool.Threads);
        fixed (float* offset = correction.Offset)
        {
            work.Offset = offset;
            Run(work.Items, ref work);
        }
    }

    /// <summary>The sums stay exact: no product sum can leave 32 bits.</summary>
    private static void CheckExact(in ConvolutionGeometry geometry, Quantization from, int bits)
    {
        Checked(from);
        long products = (long)geometry.Taps * 4 * geometry.ChannelGroups;
        if (products * from.Levels * (bits == 4 ? NibbleTile.LargestWeight : 128) > int.MaxValue)
            throw new ArgumentException($"A sum of {products} products can leave 32 bits; the convolution has too many input channels or taps for {bits}-bit weights.");
    }
}
