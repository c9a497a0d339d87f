using System.Diagnostics.CodeAnalysis;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Something that a configuration says and nothing uses.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Key">Property in it.</param>
public sealed record IgnoredSetting(string File, string Key);

/// <summary>A model folder as this project computes it: an FP32 network, its weights and its scheduler.</summary>
public sealed record ImportedModel
{
    internal ImportedModel(Network network, IReadOnlyDictionary<string, float[]> weights, TimeEmbedding time, ModelScheduler scheduler)
    {
        Network = network;
        Weights = weights;
        Time = time;
        Scheduler = scheduler;
    }

    /// <summary>Name used in file names and messages: letters, digits, '-', '_'. By default the folder's.</summary>
    public required string Name
    {
        get;
        init => field = Names.IsModelName(value) ? value
            : throw new ArgumentException($"The model name {Names.Quote(value)} is not made of 1 to {Names.MaximumLength} ASCII letters, digits, '-' and '_'.", nameof(value));
    }

    /// <summary>Class in the source library.</summary>
    public required string Architecture { get; init; }

    /// <summary>SHA-256 of the weights file, 64 lower-case hex digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>SHA-256 of the model's and of the scheduler's configuration file; empty for a model that came from no files. A calibration that goes on must find the same.</summary>
    internal string ConfigurationSha256 { get; init; } = "";

    /// <summary>Number of FP32 parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Label that means "none" for guidance, which the source files do not say; −1 when there is none.</summary>
    public int NullLabel
    {
        get;
        init => field = value >= -1 && (value < Classes) ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, Network.Inputs.Any(i => i is UNetImporter.Labels or UNetImporter.LabelFeatures or UNetImporter.LabelVector)
                ? $"The network reads labels as an input, as it does where act_fn is not \"silu\", and with most of class_embed_type: what means \"none\" is given with them (--contexts FILE, '{GivenContexts.Negative}' before the name). Leave the null label out."
                : $"The null label must be one of the model's {Classes} classes, or -1 for none.");
    } = -1;

    /// <summary>The coarsest floating-point type that the files store a weight in.</summary>
    public DType StoredType { get; init; } = DType.F32;

    /// <summary>The pipeline that the network is part of; null for one by itself.</summary>
    public Pipeline? Pipeline { get; init; }

    /// <summary>Makes conditions of prompts; null for a model that knows none, or whose other parts were not read (<see cref="PipelineImporter"/> does).</summary>
    internal PromptEncoder? Text { get; init; }

    /// <summary>Makes conditions of labels where a table beside the network does; null for other models, or where the other parts were not read.</summary>
    internal ClassEmbedder? Labels { get; init; }

    /// <summary>What the network is given for prompts, for contexts, or for the labels of <see cref="Labels"/>; null for labels alone that it knows itself, or none.</summary>
    internal PromptContexts? Contexts { get; init; }

    /// <summary>Turns latents into pictures; null for a model that draws pictures itself, or whose other parts were not read.</summary>
    internal ImportedNetwork? Decoder { get; init; }

    /// <summary>Turns pictures into latents; null for a model that draws pictures itself, or where it was not asked for.</summary>
    internal ImportedNetwork? Encoder { get; init; }

    /// <summary>What was taken for what was asked for, and other things that a person should know about the files.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Operations of the source network that no output depends on, such as the queries of attention over one key; their tensors were checked.</summary>
    public IReadOnlyList<string> Dropped { get; init; } = [];

    /// <summary>What the configuration says and nothing uses.</summary>
    public IReadOnlyList<IgnoredSetting> Ignored { get; init; } = [];

    /// <summary>What is drawn in the end: the decoder's output, or the network's own.</summary>
    internal Map Picture => Decoder?.Output ?? Latent;

    /// <summary>Conditions to draw, by number: prompts, or the labels of the table; "none" is among them. 0 for an unconditional model.</summary>
    internal int Conditions => Contexts?.Count ?? Classes;

    /// <summary>What guidance leads away from.</summary>
    internal NoCondition NoCondition => Contexts?.None ?? NullLabel;

    /// <summary>Rows of an image.</summary>
    public int Height => Latent.Height;

    /// <summary>Columns of an image.</summary>
    public int Width => Latent.Width;

    /// <summary>Channels of an image.</summary>
    public int Channels => Latent.Channels;

    /// <summary>Channels of a prediction: as many as of an image, or more where the variance is predicted as well.</summary>
    public int OutputChannels => Network.Maps.Single(m => m.Name == Network.Epsilon).Channels;

    /// <summary>Rows of the label table; 0 when the model is unconditional.</summary>
    public int Classes => Labels?.Rows ?? Network.Embedding.Classes;

    /// <summary>What the network reads besides its state, such as a text encoder's hidden states.</summary>
    public IReadOnlyList<string> Inputs => [.. Network.Inputs];

    /// <summary>Whether the network fills in what a mask shows of a picture, and reads both.</summary>
    internal bool ReadsMask => Network.Inputs.Contains(LinkedNetwork.MaskedImage);

    /// <summary>All of whose maps are FP32.</summary>
    internal Network Network { get; init; }

    /// <summary>The operations' tensors by name, laid out as <see cref="Manifest.Network"/> says; without the embedding's, which depend on the timesteps. Imported ones are read from the files each time.</summary>
    internal IReadOnlyDictionary<string, float[]> Weights
    {
        get;
        [MemberNotNull(nameof(Halves))]
        init => (field, Halves) = (value, new(value));
    }

    /// <summary>Which of the <see cref="Weights"/> FP16 holds.</summary>
    internal HalfStorage Halves { get; private init; }

    /// <summary>The network as it is evaluated: weights that the files store in FP16 stay in it in memory, and every result has the same bits.</summary>
    internal Network StoredNetwork => StoredType == DType.F16 ? Halves.Lossless(Network) : Network;

    /// <summary>Gives the embedding's tensors for a list of timesteps.</summary>
    internal TimeEmbedding Time { get; }

    /// <summary>Scale of guidance that the network is told beside the timestep, where it was distilled to predict by itself what guidance of that scale would (<c>time_cond_proj_dim</c>: latent consistency models);
    /// null where it reads none. <see cref="UsualGuidance"/> unless another is set.</summary>
    /// <exception cref="ArgumentException">The network reads no scale, or needs one; or the scale is not finite in FP32.</exception>
    public double? EmbeddedGuidance
    {
        get;
        init
        {
            if ((value is null) == (Time.GuidanceFeatures > 0))
                throw new ArgumentException(value is null ? "The network reads a scale of guidance; name one." : "The network reads no scale of guidance (time_cond_proj_dim). Guide it by two evaluations, or not at all.", nameof(value));
            if (value is { } scale && !float.IsFinite((float)scale)) throw new ArgumentOutOfRangeException(nameof(value), value, "The scale of guidance is not finite in FP32.");
            field = value;
        }
    }

    /// <summary>The scale that diffusers' <c>LatentConsistencyModelPipeline</c> tells a network unless a call says otherwise.</summary>
    public const double UsualGuidance = 8.5;

    /// <summary>What the network is given for the scale of guidance in place of <see cref="EmbeddedGuidance"/>, at all timesteps or at each, empty for nothing; null for what the scale is.</summary>
    internal IReadOnlyList<float[]>? GuidanceNumbers { get; init; }

    /// <summary>The scheduler that the model comes with.</summary>
    internal ModelScheduler Scheduler { get; }

    private Map Latent => Network.Maps.Single(m => m.Name == Network.Latent);

    /// <summary>All FP32 tensors by name, with one row of the embedding's table for each timestep. Each is made when it is asked for.</summary>
    internal IReadOnlyDictionary<string, float[]> Tensors(IReadOnlyList<float> timesteps)
    {
        DeferredTensors all = TimeTensors(timesteps);
        foreach (string name in Weights.Keys) all.Add(name, () => Weights[name]);
        return all;
    }

    /// <summary>The embedding's tensors, with one row of its table for each timestep.</summary>
    internal DeferredTensors TimeTensors(IReadOnlyList<float> timesteps) => Time.Tensors(timesteps, GuidanceNumbers ?? (EmbeddedGuidance is { } scale ? (float[][])[Time.Guidance(scale)] : []));

    /// <summary>The bytes of <see cref="Tensors"/>, as the packer asks for them: for <see cref="Network"/> or <see cref="StoredNetwork"/>.</summary>
    internal Func<string, long, byte[]> TensorBytes(IReadOnlyList<float> timesteps)
    {
        IReadOnlyDictionary<string, float[]> tensors = Tensors(timesteps);
        return (name, length) =>
        {
            byte[] bytes = HalfStorage.Bytes(tensors[name], length);
            return bytes.Length == length ? bytes : throw new InvalidOperationException($"The tensor '{name}' has {bytes.Length} bytes; its operation needs {length}.");
        };
    }
}
