namespace Specializer;

/// <summary>What a generated sampler says of itself.</summary>
public sealed record SamplerDescription
{
    /// <summary>The model's name.</summary>
    public required string Name { get; init; }
    /// <summary>Rows of an image.</summary>
    public required int Height { get; init; }
    /// <summary>Columns of an image.</summary>
    public required int Width { get; init; }
    /// <summary>Channels of an image.</summary>
    public required int Channels { get; init; }
    /// <summary>Number of labels including <see cref="NullLabel"/>; 0 when the model is unconditional.</summary>
    public required int Classes { get; init; }
    /// <summary>The label that means "none"; −1 when the model has none: guidance is then impossible, or leads away from another input and leaves each image its label.</summary>
    public required int NullLabel { get; init; }
    /// <summary>Guidance scale that was compiled in; 1 for none.</summary>
    public required float Guidance { get; init; }
    /// <summary>Smallest guidance scale whose statistics were calibrated.</summary>
    public required float GuidanceMinimum { get; init; }
    /// <summary>Largest guidance scale whose statistics were calibrated.</summary>
    public required float GuidanceMaximum { get; init; }
    /// <summary>Scale of guidance that the network is told beside the timestep, compiled in: an image is evaluated once, and <see cref="Guidance"/> is 1. Null where it reads none.</summary>
    public float? EmbeddedGuidance { get; init; }
    /// <summary>Bytes of working memory for one evaluated image: the peak of the buffer plan. Guidance evaluates each image twice.</summary>
    public required long BytesPerImage { get; init; }
    /// <summary>Bytes of the packed weights.</summary>
    public required long WeightBytes { get; init; }
    /// <summary>Bytes of the FP32 model.</summary>
    public required long Float32Bytes { get; init; }
    /// <summary>Bit operations of FP32 over those of this sampler: Σ MACs·32·32 / Σ MACs·n_w·n_a, all steps.</summary>
    public required double BitOperationsSaved { get; init; }
    /// <summary>Multiply-accumulates of one evaluation of the network.</summary>
    public required long MultiplyAccumulates { get; init; }
    /// <summary>The state's buffer.</summary>
    public required Activation Latent { get; init; }
    /// <summary>What the network and the decoder read, where that is another buffer than the state's; null where it is not.</summary>
    public Activation? Input { get; init; }
    /// <summary>The step vectors' buffer.</summary>
    public required Activation Vectors { get; init; }
    /// <summary>Size of the state; null where the state is the image.</summary>
    public MapSize? State { get; init; }
    /// <summary>Where the decoder leaves the image, or the part that a <see cref="Tile"/> becomes; null where the state is the image.</summary>
    public Activation? Picture { get; init; }
    /// <summary>Where the decoder reads a part of the state at a time, as large as this; null where it reads the whole.</summary>
    public SamplerInput? Tile { get; init; }
    /// <summary>Rows and columns of the state that neighbouring tiles share at least.</summary>
    public int TileOverlap { get; init; }
    /// <summary>Whether neighbouring tiles differ where they overlap, because norms or attention see a tile each, and are mixed there; otherwise one follows the other in the middle.</summary>
    public bool TilesBlend { get; init; }
    /// <summary>What a call gives beside noise, in the order in which it is written.</summary>
    public IReadOnlyList<SamplerInput> Inputs { get; init; } = [];
    /// <summary>How prompts enter; null where there are none.</summary>
    public PromptInput? Prompt { get; init; }
    /// <summary>How pictures enter that a call gives; null where none can be given.</summary>
    public GivenPictures? Pictures { get; init; }
    /// <summary>One entry a denoising step, in the order they are visited.</summary>
    public required IReadOnlyList<StepDescription> Steps { get; init; }

    /// <summary>Where a network reads the state of a masked picture; null for one that reads none.</summary>
    internal SamplerInput? MaskedImage => Pictures is null ? null : Inputs.FirstOrDefault(i => i.Name == SamplerInput.MaskedImage);

    /// <summary>Numbers of one image.</summary>
    internal int ImageElements => Height * Width * Channels;

    /// <summary>Numbers of one image's state.</summary>
    internal int StateElements => State is { } s ? s.Height * s.Width * s.Channels : ImageElements;
}

/// <summary>One denoising step, an evaluation of the network, as calibrated. Some solvers have more than one in each of what they call a step.</summary>
/// <param name="Timestep">What the network is told; may lie between two training timesteps.</param>
/// <param name="ActivationBits">Bits of the activations in 4-bit-weight layers.</param>
/// <param name="K">Correlation factor between the quantization noise and the prediction.</param>
/// <param name="Sigma">The sampler's own σ.</param>
/// <param name="CalibratedSigma">σ' after the quantization noise was taken out.</param>
/// <param name="SnrDb">Signal-to-noise ratio of one prediction, teacher-forced, in dB.</param>
public readonly record struct StepDescription(float Timestep, int ActivationBits, float K, float Sigma, float CalibratedSigma, float SnrDb);
