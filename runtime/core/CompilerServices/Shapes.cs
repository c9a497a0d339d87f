using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>The static shape of a convolution. Generated code implements it with literals, which the JIT folds
/// into the kernel; the interpreter implements it with fields. A linear layer over pixels is a 1×1 convolution.</summary>
/// <remarks>All maps are NHWC. Output pixel (y, x) and tap (i, j) read the input pixel
/// ((y·Stride + i − PaddingTop) / Upsample, (x·Stride + j − PaddingLeft) / Upsample); outside the (upsampled) input reads zero.
/// An upsampled input has the output's size, which is twice the input's, or one less; the stride is then 1.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IConvolutionShape
{
    /// <summary>Input rows, before <see cref="Upsample"/>.</summary>
    int InputHeight { get; }
    /// <summary>Input columns, before <see cref="Upsample"/>.</summary>
    int InputWidth { get; }
    /// <summary>Input channels.</summary>
    int InputChannels { get; }
    /// <summary>Output rows.</summary>
    int OutputHeight { get; }
    /// <summary>Output columns.</summary>
    int OutputWidth { get; }
    /// <summary>Output channels.</summary>
    int OutputChannels { get; }
    /// <summary>Rows and columns of the (square) kernel: 1 or 3, any odd size is allowed.</summary>
    int KernelSize { get; }
    /// <summary>Stride in both directions.</summary>
    int Stride { get; }
    /// <summary>Zero rows above the input (of the upsampled input). Rows below follow from the output height.</summary>
    int PaddingTop { get; }
    /// <summary>Zero columns left of the input. Columns to the right follow from the output width.</summary>
    int PaddingLeft { get; }
    /// <summary>Nearest-neighbour factor applied to the input before the convolution: 1 or 2.</summary>
    int Upsample { get; }
    /// <summary>Bits of a weight: 4 or 8 (integer arithmetic), or 16 or 32 (FP16 or FP32, computed in FP32).</summary>
    int WeightBits { get; }
    /// <summary>Factor applied to the result after the residual was added (1 / output_scale_factor).</summary>
    float OutputScale { get; }
}

/// <summary>The static shape of a group normalisation over one map, or over the channel concatenation of two.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IGroupNormShape
{
    /// <summary>Rows.</summary>
    int Height { get; }
    /// <summary>Columns.</summary>
    int Width { get; }
    /// <summary>Channels of the first map.</summary>
    int Channels { get; }
    /// <summary>Channels of the second map of a skip concatenation; 0 when there is none.</summary>
    int SkipChannels { get; }
    /// <summary>Groups over all channels; may span the border between the two maps.</summary>
    int Groups { get; }
    /// <summary>Added to the variance.</summary>
    float Epsilon { get; }
    /// <summary>What follows the affine map.</summary>
    Nonlinearity Nonlinearity { get; }
    /// <summary>Bytes of a stored quantized element: 1, or 2 where an 8-bit-weight convolution reads it (see <see cref="IMapShape.ElementSize"/>).</summary>
    int ElementSize { get; }
}

/// <summary>The static shape of an elementwise operation over one map.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IMapShape
{
    /// <summary>Rows.</summary>
    int Height { get; }
    /// <summary>Columns.</summary>
    int Width { get; }
    /// <summary>Channels.</summary>
    int Channels { get; }
    /// <summary>Bytes of a stored quantized element. 4-bit-weight convolutions read activations as bytes; 8-bit-weight ones
    /// read them widened to 16 bits, because products of two 8-bit numbers do not fit the 16-bit sums of the byte instructions.</summary>
    int ElementSize { get; }
}

/// <summary>The static shape of multi-head self-attention. Its input map holds q, k and v side by side: 3·Heads·HeadChannels channels.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IAttentionShape
{
    /// <summary>Pixels.</summary>
    int Tokens { get; }
    /// <summary>Heads; head h takes the channels [h·HeadChannels, (h+1)·HeadChannels) of each of q, k and v.</summary>
    int Heads { get; }
    /// <summary>Channels per head.</summary>
    int HeadChannels { get; }
}

/// <summary>The static shape of the embedding: how timestep and label become one vector added inside each residual block.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IEmbeddingShape
{
    /// <summary>Rows of the folded time table: one per denoising step.</summary>
    int Steps { get; }
    /// <summary>Width of the time embedding; 0 for an unconditional network, whose table already holds the projected vectors.</summary>
    int Embedding { get; }
    /// <summary>Rows of the label table; 0 for an unconditional network.</summary>
    int Classes { get; }
    /// <summary>Length of all projected vectors together.</summary>
    int Vectors { get; }
}

/// <summary>Elementwise function after a normalisation.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum Nonlinearity
{
    /// <summary>Identity.</summary>
    None,
    /// <summary>x·sigmoid(x).</summary>
    Silu,
    /// <summary>x·Φ(x), Φ the normal distribution's cumulative function: the exact form, not the one with tanh.</summary>
    Gelu,
    /// <summary>x·sigmoid(1.702·x).</summary>
    QuickGelu,
    /// <summary>max(x, 0).</summary>
    Relu,
    /// <summary>x·tanh(ln(1 + eˣ)).</summary>
    Mish,
    /// <summary>tanh(x).</summary>
    Tanh,
}

/// <summary>The static shape of attention whose keys and values come from another map than its queries.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface ICrossAttentionShape
{
    /// <summary>Pixels of the query.</summary>
    int Tokens { get; }
    /// <summary>Pixels of the context.</summary>
    int ContextTokens { get; }
    /// <summary>Heads; head h takes the channels [h·HeadChannels, (h+1)·HeadChannels) of each of q, k and v.</summary>
    int Heads { get; }
    /// <summary>Channels per head.</summary>
    int HeadChannels { get; }
    /// <summary>Whether a token sees only those up to its own index.</summary>
    bool Causal { get; }
}
