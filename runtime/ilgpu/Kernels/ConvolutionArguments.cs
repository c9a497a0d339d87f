using ILGPU;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu.Kernels;

/// <summary>What every convolution kernel takes, and how it finishes a sum.</summary>
internal struct ConvolutionArguments
{
    public ConvolutionDimensions Shape;
    public int Batch;
    /// <summary>Quantized map, four channels a word; or the FP32 map.</summary>
    public BatchView<int> Q;
    public BatchView<float> X;
    /// <summary>Packed weights as docs/weights.md says; or, for tensor cores, [output][tap][channel] (docs/gpu.md).</summary>
    public ArrayView<int> Panels;
    public ArrayView<float> FloatPanels, WeightScales, Bias;
    public ArrayView<int> WeightSums;
    public float InputScale;
    public int ZeroPoint;
    public BatchView<float> Output, Residual;
    /// <summary>The values to add per channel start here.</summary>
    public BatchView<float> Vector;
    /// <summary>Per channel.</summary>
    public ArrayView<float> Offset;
    public float Gain;
    /// <summary>0 or 1 each.</summary>
    public int HasResidual, HasVector, HasOffset;
    /// <summary>Images whose mean is corrected.</summary>
    public int CorrectedFrom, CorrectedTo;
    /// <summary>16 equal bytes for each zero point: what a tensor-core kernel reads outside the map.</summary>
    public ArrayView<int> Padding;

    /// <param name="channel">Of the output.</param>
    /// <param name="real">The layer is not computed in integers.</param>
    public readonly OutputChannel Channel(int channel, bool real)
    {
        var c = new OutputChannel { Bias = Bias[channel] };
        if (!real)
        {
            c.Factor = ExactMath.Multiply(InputScale, WeightScales[channel]);
            c.Zero = ZeroPoint * WeightSums[channel];
        }

        if (HasOffset != 0) c.Offset = Offset[channel];
        return c;
    }

    /// <summary>Where an element of the output and of the residual lies.</summary>
    public readonly long Element<TShape>(TShape shape, int pixel, int channel)
        where TShape : struct, IConvolutionShape
    {
        int pixels = shape.OutputHeight * shape.OutputWidth, image = pixel / pixels;
        return (long)image * Output.Stride + (pixel - image * pixels) * shape.OutputChannels + channel;
    }

    /// <summary>vector, residual, scale, correction: the order of docs/arithmetic.md. A residual that the layer does not have is not added.</summary>
    public readonly float Finish(OutputChannel c, int image, int channel, float outputScale, float value, float residual)
    {
        if (HasVector != 0) value += Vector.Elements[(long)image * Vector.Stride + channel];
        if (HasResidual != 0) value += residual;
        if (outputScale != 1f) value = ExactMath.Multiply(value, outputScale);
        return image >= CorrectedFrom && image < CorrectedTo ? ExactMath.FusedMultiplyAdd(value, Gain, c.Offset) : value;
    }

    /// <summary>The real value of an integer sum, and everything after it.</summary>
    public readonly void Finish<TShape>(TShape shape, OutputPixel at, int channel, int sum)
        where TShape : struct, IConvolutionShape
    {
        OutputChannel c = Channel(channel, real: false);
        Finish(shape, at, channel, c, c.Real(sum));
    }

    /// <summary>A sum of real products, and everything after it.</summary>
    public readonly void Finish<TShape>(TShape shape, OutputPixel at, int channel, float sum)
        where TShape : struct, IConvolutionShape
    {
        OutputChannel c = Channel(channel, real: true);
        Finish(shape, at, channel, c, sum + c.Bias);
    }

    private readonly void Finish<TShape>(TShape shape, OutputPixel at, int channel, OutputChannel c, float value)
        where TShape : struct, IConvolutionShape
    {
        long element = (long)at.Image * Output.Stride + at.Pixel * shape.OutputChannels + channel;
        float residual = 0f;
        if (HasResidual != 0) residual = Residual.Elements[element];
        Output.Elements[element] = Finish(c, at.Image, channel, shape.OutputScale, value, residual);
    }
}

/// <summary>What finishing needs of an output channel, read once for many pixels.</summary>
internal struct OutputChannel
{
    public float Factor, Bias, Offset;
    /// <summary>What the zero point adds to a sum.</summary>
    public int Zero;

    public readonly float Real(int sum) => ExactMath.FusedMultiplyAdd(sum - Zero, Factor, Bias);
}

/// <summary>Where an output pixel lies: its image, and the input position of its first tap.</summary>
internal struct OutputPixel
{
    public int Image, Pixel, Top, Left;

    public static OutputPixel Of<TShape>(TShape shape, int index)
        where TShape : struct, IConvolutionShape
    {
        int pixels = shape.OutputHeight * shape.OutputWidth, pixel = index % pixels;
        return new()
        {
            Image = index / pixels, Pixel = pixel,
            Top = pixel / shape.OutputWidth * shape.Stride - shape.PaddingTop, Left = pixel % shape.OutputWidth * shape.Stride - shape.PaddingLeft,
        };
    }

    /// <summary>The input pixel under a tap, or −1 outside the map.</summary>
    public readonly int Input<TShape>(TShape shape, int row, int column)
        where TShape : struct, IConvolutionShape
    {
        int y = Top + row, x = Left + column;
        if (!IsInside(shape, y, x)) return -1;
        return y / shape.Upsample * shape.InputWidth + x / shape.Upsample;
    }

    /// <summary>Whether a row and column are of the input, or of what upsampling makes of it. One comparison as unsigned numbers checks both bounds.</summary>
    public static bool IsInside<TShape>(TShape shape, int y, int x)
        where TShape : struct, IConvolutionShape =>
        (uint)y < (uint)(shape.Upsample == 1 ? shape.InputHeight : shape.OutputHeight) & (uint)x < (uint)(shape.Upsample == 1 ? shape.InputWidth : shape.OutputWidth);
}
