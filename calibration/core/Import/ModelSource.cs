using System.Text;
using Specializer.Calibration.Conversion;
using Specializer.Formats;

namespace Specializer.Calibration;

/// <summary>Where a network, its scheduler and its weights come from: a folder, or one file that holds a whole pipeline.</summary>
/// <param name="Path">The folder or file that the model is named after.</param>
/// <param name="Network">The network's configuration.</param>
/// <param name="Scheduler">The scheduler's.</param>
/// <param name="Pipeline">What the network belongs to, if anything.</param>
/// <param name="Notes">What was taken for what was asked for.</param>
/// <param name="OpenWeights">Opens the network's weights.</param>
internal sealed record ModelSource(string Path, ConfigurationReader Network, ConfigurationReader Scheduler, Pipeline? Pipeline, List<string> Notes, Func<ModelWeights> OpenWeights)
{
    /// <param name="path">A folder, a file of one, or a single-file checkpoint.</param>
    /// <exception cref="ModelImportException">There is no model there, or it is malformed.</exception>
    /// <exception cref="UnsupportedModelException">It is a single file that does not say enough.</exception>
    public static ModelSource Find(string path)
    {
        if (FindSingle(path) is { } single) return single;
        ModelLayout layout = ModelLayout.Find(path);
        return new(layout.Folder, ConfigurationReader.Open(layout.Configuration), ConfigurationReader.Open(layout.Scheduler), layout.Pipeline, layout.Notes,
            () => ModelWeights.Open(layout.Network, layout.Weights, layout.Notes));
    }

    private static ModelSource? FindSingle(string path)
    {
        if (!path.EndsWith(".safetensors", StringComparison.Ordinal) || !File.Exists(path)) return null;
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            if (!SingleFileCheckpoint.Recognizes(file.Entries.Keys)) return null;
            SingleFileCheckpoint checkpoint = SingleFileCheckpoint.Read(path, file.Entries.ToDictionary(e => e.Key, e => e.Value.Shape, StringComparer.Ordinal), new(), key => file.ReadFloats(key)[0]);
            PipelineRecipe recipe = checkpoint.Recipe;
            RecipeComponent network = recipe.Components.Single(c => c.Folder == Pipeline.Network);
            return new(path, network.Reader, ConfigurationReader.Parse(path, Encoding.UTF8.GetBytes(recipe.Scheduler)), new(path, recipe.Class, [.. recipe.Components.Select(c => new PipelineComponent(c.Folder, c.Class))]),
                [$"{System.IO.Path.GetFileName(path)} holds a whole pipeline in another layout: its network is read.", .. checkpoint.Notes], () => ModelWeights.Open(path, checkpoint.Tensors[Pipeline.Network]));
        }
        catch (Exception e) when (e is not ModelImportException and (SafetensorsException or IOException or UnauthorizedAccessException))
        {
            // What it is instead is said where a folder is looked for.
            return null;
        }
    }
}
