namespace Specializer.Kernels.Tests;

internal readonly record struct ConvolutionShape(
    int InputHeight, int InputWidth, int InputChannels, int OutputHeight, int OutputWidth, int OutputChannels,
    int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample, int WeightBits, float OutputScale) : IConvolutionShape
{
    /// <summary>Output size from the input size; <paramref name="after"/> is the padding below and to the right, or of an upsampled input 0 to lose its last row and column.</summary>
    public static ConvolutionShape Of(int height, int width, int inputs, int outputs, int bits,
        int kernel = 3, int stride = 1, int before = 1, int after = 1, int upsample = 1, float outputScale = 1f) =>
        new(height, width, inputs, (height * upsample + before + after - kernel) / stride + 1, (width * upsample + before + after - kernel) / stride + 1,
            outputs, kernel, stride, before, before, upsample, bits, outputScale);

    public int ElementSize => WeightBits == 8 ? 2 : 1;
}

internal readonly record struct GroupNormShape(
    int Height, int Width, int Channels, int SkipChannels, int Groups, float Epsilon, Nonlinearity Nonlinearity, int ElementSize) : IGroupNormShape;

internal readonly record struct MapShape(int Height, int Width, int Channels, int ElementSize) : IMapShape
{
    public int Elements => Height * Width * Channels;
}

internal readonly record struct AttentionShape(int Tokens, int Heads, int HeadChannels) : IAttentionShape;

internal readonly record struct EmbeddingShape(int Steps, int Embedding, int Classes, int Vectors) : IEmbeddingShape;
