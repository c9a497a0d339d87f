using System.ComponentModel;

namespace Specializer.CompilerServices;

/// <summary>A planned activation buffer. All maps are NHWC and dense; FP32 maps have exactly C floats a pixel, quantized maps
/// C rounded up to a multiple of four elements (the surplus meets zero weights).</summary>
/// <param name="Offset">Bytes from the start of the arena, for a batch of one image; a multiple of 64. For a session of
/// capacity B the map starts at B·Offset and its images follow one another.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct Activation(long Offset);

/// <summary>Where a convolution's packed weights lie. Layout: docs/weights.md.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct ConvolutionWeights(long Offset);

/// <summary>Where a normalisation's gamma and beta lie.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct NormWeights(long Offset);

/// <summary>Where the time table, label table and projections lie.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct EmbeddingWeights(long Offset);

/// <summary>Where a table of rows lies that operations look up.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct TableWeights(long Offset);

/// <summary>Uniform affine quantization of an activation: x ≈ Scale·(q − ZeroPoint), q in [0, Levels].</summary>
/// <param name="Scale">Real size of one step; finite and positive.</param>
/// <param name="ZeroPoint">The integer that stands for 0, in [0, Levels].</param>
/// <param name="Levels">Largest integer: 15 (4 bits) or 255 (8 bits).</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct Quantization(float Scale, int ZeroPoint, int Levels);

/// <summary>The mean correction of PTQD folded into the output convolution: ε̃ = Gain·ε̂ + Offset[channel].</summary>
/// <remarks>A ref struct over span tables, so that generated literals need no allocation. He et al., PTQD, NeurIPS 2023, eq. 11 to 13;
/// the derivation stands in docs/method.md. An empty offset means zero.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly ref struct Correction(float gain, ReadOnlySpan<float> offset)
{
    /// <summary>Factor: 1/(1+k) for <c>divide</c>, c for <c>mmse</c>. 1 when off.</summary>
    public float Gain { get; } = gain;
    /// <summary>Per channel; empty for none.</summary>
    public ReadOnlySpan<float> Offset { get; } = offset;
}
