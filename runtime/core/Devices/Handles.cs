namespace Specializer;

/// <summary>A planned activation buffer. All maps are NHWC and dense; FP32 maps have exactly C floats a pixel, quantized maps
/// C rounded up to a multiple of four elements (the surplus meets zero weights).</summary>
/// <param name="Offset">Bytes from the start of the arena, for a batch of one image; a multiple of 64. For a session of
/// capacity B the map starts at B·Offset and its images follow one another.</param>
public readonly record struct Activation(int Offset);

/// <summary>Where a convolution's packed weights lie. Layout: docs/weights.md.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
public readonly record struct ConvolutionWeights(long Offset);

/// <summary>Where a normalisation's gamma and beta lie.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
public readonly record struct NormWeights(long Offset);

/// <summary>Where the time table, label table and projections lie.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
public readonly record struct EmbeddingWeights(long Offset);

/// <summary>Where a table of rows lies that operations look up.</summary>
/// <param name="Offset">Bytes from the start of the packed weights; a multiple of 64.</param>
public readonly record struct TableWeights(long Offset);

/// <summary>Uniform affine quantization of an activation: x ≈ Scale·(q − ZeroPoint), q in [0, Levels].</summary>
/// <param name="Scale">Real size of one step; finite and positive.</param>
/// <param name="ZeroPoint">The integer that stands for 0, in [0, Levels].</param>
/// <param name="Levels">Largest integer: 15 (4 bits) or 255 (8 bits).</param>
public readonly record struct Quantization(float Scale, int ZeroPoint, int Levels);

/// <summary>The mean correction of PTQD folded into the output convolution: ε̃ = Gain·ε̂ + Offset[channel].</summary>
/// <remarks>A ref struct over span tables, so that generated literals need no allocation. He et al., PTQD, NeurIPS 2023, eq. 11 to 13;
/// the derivation stands in docs/method.md. An empty offset means zero.</remarks>
public readonly ref struct Correction(float gain, ReadOnlySpan<float> offset)
{
    /// <summary>Factor: 1/(1+k) for <c>divide</c>, c for <c>mmse</c>. 1 when off.</summary>
    public float Gain { get; } = gain;
    /// <summary>Per channel; empty for none.</summary>
    public ReadOnlySpan<float> Offset { get; } = offset;
}

/// <summary>One step of a first-order solver: x₀ = clip(X0FromSample·x + X0FromModel·m, ±Clip);
/// x' = FromX0·x₀ + FromSample·x + FromModel·m + σ·noise, where m is the (corrected, guided) output of the network.</summary>
/// <remarks>DDPM (Ho et al. 2020, eq. 6–7) and DDIM (Song et al. 2021, eq. 12) both have this form, for ε-, x₀- and v-prediction;
/// see docs/arithmetic.md for the order of operations.</remarks>
/// <param name="X0FromSample">Factor of the sample in the predicted original.</param>
/// <param name="X0FromModel">Factor of the network's output in the predicted original.</param>
/// <param name="Clip">Bound of |x₀|; positive infinity for none.</param>
/// <param name="FromX0">Factor of the predicted original in the next sample.</param>
/// <param name="FromSample">Factor of the current sample in the next one.</param>
/// <param name="FromModel">Factor of the network's output in the next sample.</param>
public readonly record struct SolverCoefficients(
    float X0FromSample, float X0FromModel, float Clip, float FromX0, float FromSample, float FromModel);
