using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>Reads model folders as the diffusers library writes them.</summary>
public static class DiffusersImporter
{
    private const string Weights = "diffusion_pytorch_model.safetensors";

    /// <summary>Loads a <c>UNet2DModel</c> and its scheduler.</summary>
    /// <param name="folder">Holds <c>config.json</c>, <c>diffusion_pytorch_model.safetensors</c> and <c>scheduler_config.json</c>, or the folders
    /// <c>unet</c> and <c>scheduler</c> of a pipeline with these files.</param>
    /// <param name="name">Name for files and messages; null for the folder's.</param>
    /// <param name="nullLabel">Label that means "none" for guidance; null when the model has none.</param>
    /// <exception cref="ModelImportException">A file or tensor is missing, malformed or does not fit the others.</exception>
    /// <exception cref="UnsupportedModelException">The configuration asks for something that is not implemented.</exception>
    /// <exception cref="ArgumentException">The name or null label is not possible.</exception>
    public static ImportedModel Load(string folder, string? name = null, int? nullLabel = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
            throw new ModelImportException(folder, null, "the folder does not exist.");
        bool pipeline = Directory.Exists(Path.Combine(folder, "unet"));
        string network = pipeline ? Path.Combine(folder, "unet") : folder;
        string config = Path.Combine(network, "config.json");
        string scheduler = Path.Combine(pipeline ? Path.Combine(folder, "scheduler") : folder, "scheduler_config.json");

        UNetConfiguration configuration = UNetConfiguration.Read(ConfigurationReader.Open(config));
        SchedulerConfiguration schedule = ReadScheduler(scheduler);
        string weights = Path.Combine(network, Weights);
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(weights);
            var source = new SourceTensors(weights, file.Entries.ToDictionary(e => e.Key, e => e.Value.Shape), file.ReadFloats);
            var (net, tensors, time) = UNetImporter.Import(configuration, source);
            return new ImportedModel(net, tensors, time, schedule)
            {
                Name = name ?? FolderName(folder),
                Architecture = "UNet2DModel",
                Sha256 = Hash(weights),
                ConfigurationSha256 = Hash(config) + Hash(scheduler),
                Parameters = source.Parameters,
                NullLabel = nullLabel ?? -1,
            };
        }
        catch (SafetensorsException e)
        {
            throw new ModelImportException(weights, e.Tensor, $"{e.Cause}. Download or export the model again.", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelImportException(weights, null, MissingWeights(network), e);
        }
    }

    private static SchedulerConfiguration ReadScheduler(string file)
    {
        // Opened as JSON first: a missing or damaged file is the same mistake here as in config.json.
        ConfigurationReader json = ConfigurationReader.Open(file);
        try
        {
            return SchedulerConfiguration.Parse(File.ReadAllText(file));
        }
        catch (FormatException e)
        {
            throw new ModelImportException(file, null, e.Message, e);
        }
        catch (NotSupportedException e)
        {
            var key = (string)e.Data[SchedulerParser.DataKey]!;
            throw new UnsupportedModelException(file, key, json.Raw(key), e.Message);
        }
    }

    private static string MissingWeights(string network) =>
        Directory.EnumerateFiles(network, "*.bin").Any() || Directory.EnumerateFiles(network, "*.index.json").Any()
            ? "the file does not exist; the folder holds the weights in another form. Save the model with safe_serialization=True and without shards."
            : "the file does not exist. Download the model again.";

    // A path such as "." has no name of its own; characters that a name may not hold become '-'.
    private static string FolderName(string folder)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string safe = string.Concat(name.Take(100).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
        return safe.Length == 0 ? "model" : safe;
    }

    private static string Hash(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
