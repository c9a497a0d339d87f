using System.Text.Json;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>A part of a pipeline.</summary>
/// <param name="Name">Its folder.</param>
/// <param name="Class">Its class in the source library.</param>
public sealed record PipelineComponent(string Name, string Class);

/// <summary>What a network belongs to, as <c>model_index.json</c> says, or the folders beside it.</summary>
/// <param name="File">The index, or the folder where there is none.</param>
/// <param name="Class">The pipeline's class; empty without an index.</param>
/// <param name="Components">All parts.</param>
public sealed record Pipeline(string File, string Class, IReadOnlyList<PipelineComponent> Components)
{
    /// <summary>Whether guidance leads away from zeros where a call gives no negative prompt, instead of from the empty text (Stable Diffusion XL).</summary>
    internal bool ForceZeros { get; init; } = true;

    internal const string Index = "model_index.json", Network = "unet";

    private const string Rescale = "guidance_rescale";

    /// <summary>The folder that holds the parts.</summary>
    public string Folder => System.IO.File.Exists(File) ? Path.GetDirectoryName(Path.GetFullPath(File))! : Path.GetFullPath(File);

    /// <summary>The part that turns latents into pictures; null where the network draws pictures itself.</summary>
    public PipelineComponent? Decoder => Components.FirstOrDefault(c => c.Name is "vae" or "vqvae" or "vqgan" or "movq"
        || c.Class is "VQModel" || c.Class.Contains("Autoencoder", StringComparison.Ordinal) || c.Class.Contains("VAE", StringComparison.Ordinal));

    /// <exception cref="ModelImportException">The index cannot be read, or names no network that is known here.</exception>
    internal static Pipeline? Find(string folder)
    {
        string index = Path.Combine(folder, Index);
        return Path.Exists(index) ? Read(ConfigurationReader.Open(index)) : Directory.Exists(Path.Combine(folder, Network)) ? Guess(folder) : null;
    }

    /// <summary>What an index says; null where it says nothing.</summary>
    /// <exception cref="ModelImportException">It names no network that is known here.</exception>
    internal static Pipeline? Read(ConfigurationReader json)
    {
        if (json.Has(Rescale) && json.Number(Rescale, 0, double.MinValue, double.MaxValue) != 0)
        {
            throw new UnsupportedModelException(json.File, Rescale, json.Raw(Rescale),
                "Its factor follows from the deviation of each prediction, for which no statistics can be collected before. Remove it, or set it to 0.");
        }

        var pipeline = new Pipeline(json.File, json.Text("_class_name", ""), [.. Parts(json.Json)]) { ForceZeros = json.Flag("force_zeros_for_empty_prompt", true) };
        // An index that names no part, beside a network's own files, says nothing.
        if (pipeline.Components.Count == 0 && Path.Exists(Path.Combine(Path.GetDirectoryName(json.File)!, "config.json"))) return null;
        if (pipeline.Components.Any(c => c.Name == Network)) return pipeline;
        PipelineComponent? other = pipeline.Components.FirstOrDefault(c => c.Class.EndsWith("Model", StringComparison.Ordinal) && !c.Class.Contains("Text", StringComparison.Ordinal));
        throw other is null
            ? new ModelImportException(json.File, null, $"names no '{Network}'. Give the folder of a pipeline with one, or of a network.")
            : new UnsupportedModelException(json.File, other.Name, $"\"{other.Class}\"", $"Supported: a pipeline whose network is '{Network}'.");
    }

    // Each part is [library, class]; [null, null] is one that was left out.
    private static IEnumerable<PipelineComponent> Parts(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Array && property.Value.GetArrayLength() == 2 && property.Value[1].ValueKind == JsonValueKind.String)
                yield return new(property.Name, property.Value[1].GetString()!);
        }
    }

    private static Pipeline Guess(string folder) => new(folder, "",
    [
        .. Disk.Folders(folder)
            .Select(d => (Name: Path.GetFileName(d), Configuration: Path.Combine(d, "config.json"))).Where(p => Path.Exists(p.Configuration))
            .Select(p => new PipelineComponent(p.Name, ConfigurationReader.Open(p.Configuration).Text("_class_name", ""))),
    ]);
}
