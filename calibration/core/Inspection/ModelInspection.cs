using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>What a model folder or an artefact is, whether it can be calibrated, and what it costs.</summary>
public sealed record ModelInspection
{
    /// <summary>The model's name; the folder's where nothing could be imported.</summary>
    public required string Name { get; init; }

    /// <summary>Whether this is an artefact of <c>calibrate</c>; otherwise a model folder.</summary>
    public required bool IsArtifact { get; init; }

    /// <summary>The network's class in the source library; empty where it is refused.</summary>
    public string Architecture { get; init; } = "";

    /// <summary>Height, width and channels of what the network draws; empty where it is refused.</summary>
    public IReadOnlyList<int> Extents { get; init; } = [];

    /// <summary>Rows of the label table; 0 for an unconditional network.</summary>
    public int Classes { get; init; }

    /// <summary>What a call gives besides prompts, labels and pictures (<see cref="GivenContexts"/>), with its extents.</summary>
    public IReadOnlyList<string> Given { get; init; } = [];

    /// <summary>Last layers of each text encoder that are left out.</summary>
    public int ClipSkip { get; init; }

    /// <summary>Scale of guidance that the network is told beside the timestep, of a model folder the usual one; null where it reads none.</summary>
    public double? EmbeddedGuidance { get; init; }

    /// <summary>The pipeline around a model's network, if any.</summary>
    public Pipeline? Pipeline { get; init; }

    /// <summary>Parameters of the FP32 model.</summary>
    public long Parameters { get; init; }

    /// <summary>The coarsest type of a model's weights; for an artefact how its weights are stored.</summary>
    public string Storage { get; init; } = "";

    /// <summary>Denoising steps of an artefact by the bits of their activations; empty for a model.</summary>
    public IReadOnlyDictionary<int, int> StepsByActivationBits { get; init; } = new Dictionary<int, int>();

    /// <summary>The corrections that an artefact ships with; null for a model.</summary>
    public ShippedCorrections? Corrections { get; init; }

    /// <summary>Bytes of maps that a batch of one image needs; null where they are more than 16 GiB, or one is more than convolutions take.</summary>
    public long? ActivationBytes { get; init; }

    /// <summary>What the compiled sampler takes; of a model folder with 4-bit weights and 8-bit activations. Null where it is refused.</summary>
    public SamplerPrediction? Sampler { get; init; }

    /// <summary>What a picture takes on a processor, where one was asked for: <see cref="SamplerPrediction.Time"/>; else null.</summary>
    public TimeEstimate? Time { get; init; }

    /// <summary>The least memory, in bytes, that a calibration of a model folder needs, with the defaults of <c>calibrate</c> otherwise; 0 for an artefact, and where it is refused.</summary>
    public long CalibrationBytes { get; init; }

    /// <summary>The networks of a pipeline, in the order in which they run; empty for a network alone.</summary>
    public IReadOnlyList<NetworkInspection> Networks { get; init; } = [];

    /// <summary>The operations of all networks, those of encoders and decoder under their network's name; empty where it is refused.</summary>
    public IReadOnlyList<LayerInspection> Layers { get; init; } = [];

    /// <summary>What was taken for what was asked for.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Operations of the source network that no output depends on.</summary>
    public IReadOnlyList<string> Dropped { get; init; } = [];

    /// <summary>What the configuration says and nothing uses.</summary>
    public IReadOnlyList<IgnoredSetting> Ignored { get; init; } = [];

    /// <summary>What stands in the way of a calibration.</summary>
    public IReadOnlyList<UnsupportedSetting> Refused { get; init; } = [];

    /// <summary>Looks at a model folder or an artefact.</summary>
    /// <param name="path">A model folder or a file of one; a manifest, or a folder that holds one and no model.</param>
    /// <param name="size">Rows and columns of a picture, of a model folder; null for those that its configuration names. An artefact has its own.</param>
    /// <param name="clipSkip">Last layers of each text encoder of a model folder that are left out, as by <see cref="PipelineImporter.Load"/>. An artefact has its own.</param>
    /// <exception cref="ArgumentException">Size or clip skip is not possible, or is asked of an artefact.</exception>
    /// <exception cref="ModelImportException">The model folder is malformed. What it asks for and is not supported is no exception here.</exception>
    /// <exception cref="ArtifactException">The artefact is malformed.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static ModelInspection Of(string path, (int Height, int Width)? size = null, int clipSkip = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.EndsWith(ArtifactEnding, StringComparison.Ordinal) && File.Exists(path)) return OfArtifact(path, size, clipSkip);
        bool holdsArtifact = Directory.Exists(path) && Disk.Files(path, "*" + ArtifactEnding).Length > 0;
        bool holdsModel = new[] { "config.json", Pipeline.Index, Pipeline.Network }.Any(name => Path.Exists(Path.Combine(path, name)));
        if (holdsArtifact && !holdsModel) return OfArtifact(CalibrationArtifact.Find(path), size, clipSkip);
        ModelInspection model = OfModel(path, size, clipSkip);
        return holdsArtifact ? model with { Notes = [.. model.Notes, "The folder also holds an artefact; name its manifest to look at that."] } : model;
    }

    private const string ArtifactEnding = ".calibration.json";

    private static ModelInspection OfModel(string path, (int Height, int Width)? size, int clipSkip)
    {
        List<UnsupportedSetting> refused = [];
        try
        {
            if (PartVerification.Recognizes(path)) return PartInspection.Of(path, size, clipSkip);
            ImportedModel model = Load(path, size, clipSkip, refused);
            var (networks, layers) = NetworkInspection.Of(model.Text is { } text ? [(PipelineParts.EncoderName, text.Network.Network)] : model.Labels is { } labels ? [(PipelineParts.LabelsName, labels.Network.Network)] : [], model.Network,
                model.Decoder is { } decoder ? (PipelineParts.DecoderName, decoder.Network) : null, 0);
            return new()
            {
                Name = model.Name, IsArtifact = false, Architecture = model.Architecture, Extents = [model.Height, model.Width, model.Channels], Classes = model.Classes, Given = [.. GivenContexts.Needed(model).Select(GivenContexts.Describe)], ClipSkip = clipSkip, EmbeddedGuidance = model.EmbeddedGuidance,
                Pipeline = model.Pipeline, Parameters = model.Parameters, Storage = model.StoredType.ToString(), ActivationBytes = Activations(LinkedNetwork.Of(model.Network)), Networks = networks, Layers = layers,
                Sampler = Predicted(() => SamplerPrediction.Of(model)), CalibrationBytes = Predicted(() => MemoryPlan.Of(model))?.Least ?? 0,
                Notes = model.Notes, Dropped = model.Dropped, Ignored = model.Ignored, Refused = [.. refused, .. Obstacles(model, whole: refused.Count == 0)],
            };
        }
        catch (ModelImportException e) when (Settings(e).Any())
        {
            return new() { Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))), IsArtifact = false, Refused = [.. Settings(e)], Notes = [.. Others(e)] };
        }
    }

    private static IEnumerable<UnsupportedSetting> Settings(ModelImportException e) => e.All.OfType<UnsupportedModelException>().SelectMany(u => u.Settings);

    private static IEnumerable<string> Others(ModelImportException e) => e.All.Where(f => f is not UnsupportedModelException).Select(f => f.Message);

    /// <summary>With the other parts of its pipeline, or, where they are not all there or one is refused, by itself.</summary>
    private static ImportedModel Load(string path, (int Height, int Width)? size, int clipSkip, List<UnsupportedSetting> refused)
    {
        try
        {
            return PipelineImporter.Load(path, size: size, clipSkip: clipSkip);
        }
        catch (ModelImportException e) when (size is null && clipSkip == 0)
        {
            // What is wrong with the network itself is among what is wrong with the parts.
            if (new PartFaults().Read(() => DiffusersImporter.Load(path)) is not { } alone) throw;
            refused.AddRange(Settings(e));
            return alone with { Notes = [.. alone.Notes, $"Read without the other parts of its pipeline{(refused.Count > 0 ? ", one of which is refused" : "")}.", .. Others(e)] };
        }
    }

    private static ModelInspection OfArtifact(string path, (int Height, int Width)? size, int clipSkip)
    {
        if (size is not null) throw new ArgumentException($"{path} is an artefact, whose size is compiled in. Leave --size out, or inspect the model's folder.", nameof(size));
        if (clipSkip != 0) throw new ArgumentException($"{path} is an artefact, whose text encoder is compiled in. Leave --clip-skip out, or inspect the model's folder.", nameof(clipSkip));
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        CalibrationManifest manifest = artifact.Manifest;
        var (networks, layers) = NetworkInspection.Of(manifest.Encoders.Select(e => (e.Name, e.Network)), manifest.Network,
            manifest.Decoder is { } decoder ? (decoder.Name, decoder.Network) : null, manifest.Steps.Count, SamplerPrediction.DecoderTiles(manifest));
        return new()
        {
            Name = manifest.Model.Name, IsArtifact = true, Architecture = manifest.Model.Architecture, Extents = [manifest.Model.Height, manifest.Model.Width, manifest.Model.Channels],
            Classes = manifest.Model.Classes, Given = [.. GivenContexts.Needed(manifest).Select(GivenContexts.Describe)], ClipSkip = manifest.Prompt?.ClipSkip ?? 0, EmbeddedGuidance = manifest.Model.EmbeddedGuidance, Parameters = manifest.Model.Parameters, Networks = networks, Layers = layers, ActivationBytes = Activations(LinkedNetwork.Of(manifest)),
            Storage = string.Join(", ", layers.Where(l => l.Operation == "convolution").GroupBy(l => l.WeightBits).OrderBy(g => g.Key).Select(g => $"{g.Count()} convolutions of {g.Key} bits")),
            Sampler = Predicted(() => SamplerPrediction.Of(manifest)),
            Corrections = ShippedCorrections.Of(manifest),
            StepsByActivationBits = manifest.Steps.GroupBy(s => s.ActivationBits).OrderBy(g => g.Key).ToDictionary(g => g.Key, g => g.Count()),
        };
    }

    /// <summary>What <c>calibrate</c> would refuse, whatever its options.</summary>
    /// <param name="model">The model.</param>
    /// <param name="whole">False where a part was refused: that the model lacks it is then no obstacle of its own.</param>
    private static IEnumerable<UnsupportedSetting> Obstacles(ImportedModel model, bool whole)
    {
        if (whole && Calibrator.Obstacle(model) is { } obstacle) yield return obstacle;
        IReadOnlyList<UnsupportedSetting> scheduler = [];
        try
        {
            Calibrator.Solver(model, new() { Steps = Math.Min(model.Scheduler.TrainTimesteps, 10) });
        }
        catch (UnsupportedModelException e)
        {
            scheduler = e.Settings;
        }
        catch (ArgumentException)
        {
            // Other steps may do.
        }

        foreach (UnsupportedSetting setting in scheduler) yield return setting;
    }

    internal static long? Activations(LinkedNetwork network) => Predicted(() => new BufferPlan(network))?.BytesPerImage;

    // Maps that are too large have no plan.
    private static T? Predicted<T>(Func<T> predict) where T : class
    {
        try
        {
            return predict();
        }
        catch (NotSupportedException)
        {
            return null;
        }
    }
}
