namespace Specializer.Calibration;

/// <summary>Reads model folders as the diffusers library writes them, and as people have them.</summary>
public static class DiffusersImporter
{
    /// <summary>Tokens of a condition where nothing says how many: CLIP's.</summary>
    public const int DefaultTokens = 77;

    /// <summary>Loads a <c>UNet2DModel</c> or <c>UNet2DConditionModel</c> and its scheduler.</summary>
    /// <param name="folder">Holds <c>config.json</c>, <c>scheduler_config.json</c> and the weights: <c>diffusion_pytorch_model.safetensors</c>, several files with an index, or the
    /// one other safetensors file there; or the folders <c>unet</c> and <c>scheduler</c> of a pipeline with these files. A file of such a folder stands for it. Or one safetensors file that holds a whole pipeline in the layout of CompVis or Stable Diffusion: its network is read.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none.</param>
    /// <param name="tokens">Tokens of the condition of a <c>UNet2DConditionModel</c>: shapes are compiled in.</param>
    /// <exception cref="ModelImportException">A file or tensor is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentException">The name or null label is not possible.</exception>
    public static ImportedModel Load(string folder, string? name = null, int? nullLabel = null, int tokens = DefaultTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        return Read(folder, name, nullLabel, new(tokens));
    }

    /// <summary>The same, for a network in a pipeline.</summary>
    /// <param name="folder">As above.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none.</param>
    /// <param name="conditions">What text encoders give it.</param>
    internal static ImportedModel Read(string folder, string? name, int? nullLabel, TextConditions conditions)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ModelSource source = ModelSource.Find(folder);
        ConfigurationReader config = source.Network;
        UNetConfiguration configuration = conditions.Apply(UNetConfiguration.Read(config, conditions.Tokens));
        var scheduler = new ModelScheduler(source.Scheduler);
        scheduler.Check();
        // Stays open as long as the model is in use: tensors are read when they are needed.
        return source.OpenWeights().Import(weights =>
        {
            var (imported, tensors, time) = UNetImporter.Import(configuration, weights.Tensors);
            weights.Check();
            RewrittenNetwork network = RewrittenNetwork.Of(imported, tensors);
            return new ImportedModel(network.Network, network.Tensors, time, scheduler)
            {
                Name = name ?? FolderName(source.Path),
                Architecture = configuration.Cross is null ? "UNet2DModel" : "UNet2DConditionModel",
                Sha256 = weights.Sha256,
                ConfigurationSha256 = config.Sha256 + scheduler.Sha256,
                Parameters = weights.Tensors.Parameters,
                NullLabel = nullLabel ?? -1,
                EmbeddedGuidance = configuration.GuidanceFeatures > 0 ? ImportedModel.UsualGuidance : null,
                StoredType = weights.Type,
                Pipeline = source.Pipeline,
                Notes = source.Notes,
                Dropped = network.Dropped,
                Ignored = [.. config.Ignored, .. scheduler.Ignored],
            };
        });
    }

    // A path such as "." has no name of its own; characters that a name may not hold become '-'.
    private static string FolderName(string folder)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string safe = string.Concat(name.Take(100).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
        return safe.Length == 0 ? "model" : safe;
    }
}
