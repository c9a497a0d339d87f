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
    public int HasResidual, HasVector, HasCorrection, HasOffset;
    /// <summary>Where, in words from the map on, a table holds 16 equal bytes for each zero point: what a tensor-core kernel reads outside the map.</summary>
    public long PaddingIndex;

    /// <summary>The real value of an integer sum, and everything after it.</summary>
    public readonly void Finish(int image, int pixel, int channel, int channels, float outputScale, int sum) =>
        Finish(image, pixel, channel, channels, outputScale, ExactMath.FusedMultiplyAdd(
            sum - ZeroPoint * WeightSums[channel], ExactMath.Multiply(InputScale, WeightScales[channel]), Bias[channel]));

    /// <summary>vector, residual, scale, correction: the order of docs/arithmetic.md.</summary>
    public readonly void Finish(int image, int pixel, int channel, int channels, float outputScale, float value)
    {
        long element = (long)pixel * channels + channel;
        if (HasVector != 0) value += Vector.Elements[(long)image * Vector.Stride + channel];
        if (HasResidual != 0) value += Residual.Elements[(long)image * Residual.Stride + element];
        if (outputScale != 1f) value = ExactMath.Multiply(value, outputScale);
        if (HasCorrection != 0) value = ExactMath.FusedMultiplyAdd(value, Gain, HasOffset != 0 ? Offset[channel] : 0f);
        Output.Elements[(long)image * Output.Stride + element] = value;
    }
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
        if (y < 0 || x < 0 || y >= shape.InputHeight * shape.Upsample || x >= shape.InputWidth * shape.Upsample) return -1;
        return y / shape.Upsample * shape.InputWidth + x / shape.Upsample;
    }
}
