using Specializer.Formats;

namespace Specializer.Calibration.Conversion;

/// <summary>What a single file does not say of its model.</summary>
public sealed record ConversionOptions
{
    /// <summary>What the network predicts, <c>epsilon</c> or <c>v_prediction</c>; null where the layout is of one kind only. Files of Stable Diffusion 2 are of either: its base models predict ε, those for 768×768 v.</summary>
    public string? Prediction { get; init; }

    /// <summary>Channels of an attention head of an unconditional latent diffusion model: 32 in those of CompVis but for LSUN Churches (an eighth of the channels).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int? HeadChannels
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "An attention head has at least one channel (--head-channels).");
    }
}

/// <summary>What came of a conversion.</summary>
/// <param name="Pipeline">Class of the pipeline in diffusers.</param>
/// <param name="Components">Folders that were written.</param>
/// <param name="Notes">What was left out, and what was taken for granted.</param>
public sealed record ConversionResult(string Pipeline, IReadOnlyList<string> Components, IReadOnlyList<string> Notes);

/// <summary>Writes the folder of a diffusers pipeline from one safetensors file in the layout of CompVis's latent diffusion or Stable Diffusion 1, 2 and XL. Tensors keep their bytes.</summary>
public static class CheckpointConverter
{
    /// <summary>Converts a file.</summary>
    /// <param name="file">A safetensors file.</param>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <param name="options">What the file does not say; null for nothing.</param>
    /// <param name="progress">Told before each file.</param>
    /// <param name="cancellationToken">Acts between files.</param>
    /// <exception cref="TensorMismatchException">Tensors are unknown, missing, or have other extents than the others show; all are named.</exception>
    /// <exception cref="UnsupportedModelException">The layout, or what it says, is not supported, or an option is needed.</exception>
    /// <exception cref="ModelImportException">The file is malformed.</exception>
    /// <exception cref="IOException">The folder is not empty, its disk has not enough room (said before the work), or a file cannot be written.</exception>
    public static ConversionResult Convert(string file, string folder, ConversionOptions? options = null, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        try
        {
            using SafetensorsFile source = SafetensorsFile.Open(file);
            SingleFileCheckpoint checkpoint = SingleFileCheckpoint.Read(file, source.Entries.ToDictionary(e => e.Key, e => e.Value.Shape, StringComparer.Ordinal), options ?? new(), key => source.ReadFloats(key)[0]);
            var writer = new PipelineFolderWriter();
            writer.AddText("model_index.json", checkpoint.Recipe.Index);
            writer.AddText("scheduler/scheduler_config.json", checkpoint.Recipe.Scheduler + "\n");
            foreach (RecipeComponent component in checkpoint.Recipe.Components)
            {
                writer.AddText($"{component.Folder}/config.json", component.Configuration + "\n");
                writer.AddWeights($"{component.Folder}/{component.WeightsFile}", checkpoint.Tensors[component.Folder].Select(t => t.Value.Stream(t.Key, source)));
            }

            writer.Write(folder, progress, cancellationToken);
            return new(checkpoint.Recipe.Class, [.. checkpoint.Recipe.Components.Select(c => c.Folder)], checkpoint.Notes);
        }
        catch (SafetensorsException e)
        {
            throw new ModelImportException(file, e.Tensor, ForeignContent.DescribeFile(file) ?? $"{e.Cause}. Download the file again.", e);
        }
    }
}
