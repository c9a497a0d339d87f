using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Reads model folders as the diffusers library writes them, and as people have them.</summary>
public static class DiffusersImporter
{
    /// <summary>Tokens of a condition where nothing says how many: CLIP's as published.</summary>
    public const int DefaultTokens = 77;

    /// <summary>Loads a <c>UNet2DModel</c> or <c>UNet2DConditionModel</c> and its scheduler.</summary>
    /// <param name="folder">Holds <c>config.json</c>, <c>scheduler_config.json</c> and the weights: <c>diffusion_pytorch_model.safetensors</c>, several files with an index, or the
    /// one other safetensors file there; or the folders <c>unet</c> and <c>scheduler</c> of a pipeline with these files. A file of such a folder stands for it. Or one safetensors file that holds a whole pipeline in the layout of CompVis or Stable Diffusion: its network is read.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none.</param>
    /// <param name="tokens">Tokens of the condition of a <c>UNet2DConditionModel</c>: shapes are compiled in. Null for those of the pipeline around it: its tokenizer's length, else its text encoder's positions, 1 where a label is the condition; <see cref="DefaultTokens"/> without a pipeline.</param>
    /// <exception cref="ModelImportException">A file or tensor is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentException">The name or null label is not possible.</exception>
    public static ImportedModel Load(string folder, string? name = null, int? nullLabel = null, int? tokens = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens ?? 1, 1, nameof(tokens));
        return Read(folder, name, nullLabel, tokens is { } count ? new(count) : null);
    }

    /// <summary>The same, for a network in a pipeline.</summary>
    /// <param name="folder">As above.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none.</param>
    /// <param name="conditions">What text encoders give it; null for a text of as many tokens as the pipeline says.</param>
    internal static ImportedModel Read(string folder, string? name, int? nullLabel, TextConditions? conditions)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ModelSource source = ModelSource.Find(folder);
        conditions ??= new(TokensOf(source.Pipeline));
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

    /// <summary>Tokens of a pipeline's conditions: nothing else of its parts is read, so that they may be of any kind, or missing.</summary>
    private static int TokensOf(Pipeline? pipeline)
    {
        if (pipeline is null) return DefaultTokens;
        string folder = pipeline.Folder;
        if (pipeline.Components.Any(c => c.Class == ClassEmbedder.ClassName)) return 1;
        return Integer(PromptEncoderImporter.Tokenizer, "tokenizer_config.json", "model_max_length", Integer(PromptEncoderImporter.TextEncoder, "config.json", "max_position_embeddings", DefaultTokens));

        int Integer(string part, string file, string key, int absent)
        {
            string path = Path.Combine(folder, part, file);
            try
            {
                return File.Exists(path) ? ConfigurationReader.Open(path).Integer(key, absent, 1, ManifestLimits.Width) : absent;
            }
            catch (ModelImportException)
            {
                // Who reads that part says what is wrong with it.
                return absent;
            }
        }
    }

    // A path such as "." has no name of its own; characters that a name may not hold become '-'.
    private static string FolderName(string folder)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string safe = string.Concat(name.Take(100).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
        return safe.Length == 0 ? "model" : safe;
    }
}
