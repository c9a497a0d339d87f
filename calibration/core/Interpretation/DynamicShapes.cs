namespace Specializer.Calibration;

// The same shapes that generated code implements with literals, as fields: same kernels, same bits, no folding.

internal readonly record struct DynamicConvolution(
    int InputHeight, int InputWidth, int InputChannels, int OutputHeight, int OutputWidth, int OutputChannels,
    int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample, int WeightBits, float OutputScale) : IConvolutionShape;

internal readonly record struct DynamicGroupNorm(
    int Height, int Width, int Channels, int SkipChannels, int Groups, float Epsilon, Nonlinearity Nonlinearity, int ElementSize) : IGroupNormShape;

internal readonly record struct DynamicMap(int Height, int Width, int Channels, int ElementSize) : IMapShape;

internal readonly record struct DynamicAttention(int Tokens, int Heads, int HeadChannels) : IAttentionShape;

internal readonly record struct DynamicCrossAttention(int Tokens, int ContextTokens, int Heads, int HeadChannels, bool Causal) : ICrossAttentionShape;

internal readonly record struct DynamicEmbedding(int Steps, int Embedding, int Classes, int Vectors) : IEmbeddingShape;
