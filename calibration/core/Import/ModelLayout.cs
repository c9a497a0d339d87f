namespace Specializer.Calibration;

/// <summary>Where the files of a model lie: in one folder, or in the folders of a pipeline.</summary>
internal sealed record ModelLayout
{
    /// <summary>The folder that the model is named after.</summary>
    public required string Folder { get; init; }

    /// <summary>The network's folder.</summary>
    public required string Network { get; init; }

    /// <summary>The weights that were asked for by name; null for those of the folder.</summary>
    public string? Weights { get; init; }

    /// <summary>The scheduler's configuration.</summary>
    public required string Scheduler { get; init; }

    /// <summary>What the network belongs to, if anything.</summary>
    public Pipeline? Pipeline { get; init; }

    /// <summary>What was taken for what was asked for.</summary>
    public List<string> Notes { get; } = [];

    public string Configuration => Path.Combine(Network, "config.json");

    /// <param name="path">A folder, or a file of one.</param>
    /// <exception cref="ModelImportException">There is no model there.</exception>
    public static ModelLayout Find(string path)
    {
        if (Directory.Exists(path)) return FindIn(path);
        if (!File.Exists(path)) throw new ModelImportException(path, null, "the folder does not exist.");

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!, name = Path.GetFileName(path);
        bool weights = name.EndsWith(".safetensors", StringComparison.Ordinal);
        if ((!weights && !name.EndsWith(".json", StringComparison.Ordinal)) || !(File.Exists(Path.Combine(folder, "config.json")) || File.Exists(Path.Combine(folder, Pipeline.Index))))
            throw new ModelImportException(path, null, ForeignContent.DescribeFile(path) ?? NoFolder(weights));
        ModelLayout layout = FindIn(folder);
        layout.Notes.Add($"{name} is a file: its folder is read{(weights ? ", with these weights" : "")}.");
        return weights ? layout with { Network = folder, Weights = path } : layout;
    }

    private static string NoFolder(bool weights) => weights
        ? "is a file of weights without a config.json beside it; a model folder is expected. A single-file checkpoint of Stable Diffusion or latent diffusion becomes one: "
          + "specializer convert FILE --out FOLDER."
        : "is a file; a model folder is expected.";

    private static ModelLayout FindIn(string folder)
    {
        // The network's own folder, where the pipeline lies around it.
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.GetFileName(full) == Pipeline.Network && Path.GetDirectoryName(full) is { } above && Path.Exists(Path.Combine(above, Pipeline.Index)))
        {
            string own = Path.Combine(folder, "scheduler_config.json");
            ModelLayout part = FindIn(above) with { Network = folder };
            part.Notes.Add($"{Pipeline.Network} is read as the network of the pipeline around it.");
            return Path.Exists(own) ? part with { Scheduler = own } : part;
        }

        Pipeline? pipeline = Pipeline.Find(folder);
        // A pipeline's index may also lie in one folder with everything else.
        bool folders = pipeline is not null && (Directory.Exists(Path.Combine(folder, Pipeline.Network)) || !Path.Exists(Path.Combine(folder, "config.json")));
        string network = folders ? Path.Combine(folder, Pipeline.Network) : folder;
        return new() { Folder = folder, Network = network, Scheduler = Path.Combine(folders ? Path.Combine(folder, "scheduler") : folder, "scheduler_config.json"), Pipeline = pipeline };
    }
}
