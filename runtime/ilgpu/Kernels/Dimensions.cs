namespace Specializer.Ilgpu.Kernels;

// Shapes as plain numbers. A shape type without fields is a compile-time constant and becomes literals of the kernel; of any other
// shape, and on ILGPU's CPU accelerator, a kernel takes these numbers as arguments.

internal readonly record struct ConvolutionDimensions(
    int InputHeight, int InputWidth, int InputChannels, int OutputHeight, int OutputWidth, int OutputChannels,
    int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample, int WeightBits, float OutputScale) : IConvolutionShape
{
    public static ConvolutionDimensions Of<TShape>(TShape s) where TShape : struct, IConvolutionShape =>
        new(s.InputHeight, s.InputWidth, s.InputChannels, s.OutputHeight, s.OutputWidth, s.OutputChannels,
            s.KernelSize, s.Stride, s.PaddingTop, s.PaddingLeft, s.Upsample, s.WeightBits, s.OutputScale);
}

internal readonly record struct GroupNormDimensions(
    int Height, int Width, int Channels, int SkipChannels, int Groups, float Epsilon, Nonlinearity Nonlinearity, int ElementSize) : IGroupNormShape
{
    public static GroupNormDimensions Of<TShape>(TShape s) where TShape : struct, IGroupNormShape =>
        new(s.Height, s.Width, s.Channels, s.SkipChannels, s.Groups, s.Epsilon, s.Nonlinearity, s.ElementSize);
}

internal readonly record struct MapDimensions(int Height, int Width, int Channels, int ElementSize) : IMapShape
{
    public static MapDimensions Of<TShape>(TShape s) where TShape : struct, IMapShape => new(s.Height, s.Width, s.Channels, s.ElementSize);
}

internal readonly record struct AttentionDimensions(int Tokens, int Heads, int HeadChannels) : IAttentionShape
{
    public static AttentionDimensions Of<TShape>(TShape s) where TShape : struct, IAttentionShape => new(s.Tokens, s.Heads, s.HeadChannels);
}

internal readonly record struct EmbeddingDimensions(int Steps, int Embedding, int Classes, int Vectors) : IEmbeddingShape
{
    public static EmbeddingDimensions Of<TShape>(TShape s) where TShape : struct, IEmbeddingShape => new(s.Steps, s.Embedding, s.Classes, s.Vectors);
}
