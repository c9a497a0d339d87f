using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Specializer.Manifest;
using Specializer.Packing;
using Specializer.Tasks.Safetensors;

namespace Specializer.Tasks;

/// <summary>Verifies calibrated models and packs their weights (docs/weights.md) for the program.</summary>
/// <remarks>A mistake in the text of a manifest is left to the generator, which reports it a moment later: one mistake, one message.</remarks>
public sealed class PackCalibratedWeights : Microsoft.Build.Utilities.Task, ICancelableTask
{
    /// <summary>Subfolder for blobs that become resources.</summary>
    public const string EmbedFolder = "embed";

    /// <summary>Subfolder for blobs that are copied beside the program.</summary>
    public const string BesideFolder = "beside";

    private readonly CancellationTokenSource _cancellation = new();

    /// <summary>The manifests. Metadata <c>SpecializerResource</c> names the packed weights.</summary>
    [Required]
    public ITaskItem[] Manifests { get; set; } = [];

    /// <summary>Where to write: a folder that belongs to this task, below the intermediate output path.</summary>
    [Required]
    public ITaskItem Folder { get; set; } = null!;

    /// <summary>Largest blob, in bytes, that becomes a resource; larger ones travel as files.</summary>
    public long EmbedLimit { get; set; } = 32 << 20;

    /// <summary>The packed weights, with the name in metadata <c>LogicalName</c>.</summary>
    [Output]
    public ITaskItem[] PackedWeights { get; private set; } = [];

    /// <inheritdoc/>
    public void Cancel() => _cancellation.Cancel();

    /// <inheritdoc/>
    public override bool Execute()
    {
        var packed = new List<ITaskItem>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (ITaskItem item in Manifests)
        {
            ManifestFile? manifest = null;
            try
            {
                CheckItem(item, names);
                manifest = ManifestFile.Read(item.GetMetadata("FullPath"));
                if (Pack(manifest, item.GetMetadata("SpecializerResource")) is { } blob) packed.Add(blob);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
            catch (DiagnosticException e)
            {
                Report(e, item, manifest);
            }
        }

        PackedWeights = [.. packed];
        if (!Log.HasLoggedErrors) DeleteStale();
        return !Log.HasLoggedErrors;
    }

    private TaskItem? Pack(ManifestFile file, string resource)
    {
        if (ManifestReader.Read(file.Text).Manifest is not { } manifest)
        {
            Log.LogMessage(MessageImportance.Low, $"'{file.Path}' has mistakes, which the generator reports; its weights are not packed.");
            return null;
        }

        Network network = manifest.Network;
        int steps = manifest.Steps.Count;
        long bytes = new WeightLayout(network, steps).TotalBytes;
        string target = Path.Combine(Folder.GetMetadata("FullPath"), bytes <= EmbedLimit ? EmbedFolder : BesideFolder, resource);
        try
        {
            using var weights = WeightsFile.Open(file.Path, manifest.Weights, WeightTensors.Of(network, steps), _cancellation.Token);
            AtomicFile.Write(target, output => WeightPacker.Pack(network, steps, Read, file.Sha256, weights.Sha256, output));
            Log.LogMessage(MessageImportance.Normal, $"Packed '{manifest.Weights.File}' into '{target}', {bytes} bytes.");
            return new(target, new Dictionary<string, string> { ["LogicalName"] = resource });

            byte[] Read(string name, long length)
            {
                _cancellation.Token.ThrowIfCancellationRequested();
                return weights.Read(name, length);
            }
        }
        catch (WeightsException e)
        {
            throw new DiagnosticException(DiagnosticId.WeightsContent, $"The weights file '{manifest.Weights.File}' cannot be used. {e.Message}", "file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiagnosticException(DiagnosticId.NotWritten,
                $"'{manifest.Weights.File}' could not be packed into '{target}': {e.Message} Check free space and permissions, and build again.", "file");
        }
    }

    /// <summary>What MSBuild could not carry to the generator unharmed, or what would make two blobs one.</summary>
    private static void CheckItem(ITaskItem item, HashSet<string> names)
    {
        // Metadata reach the compiler in a text file in which these characters begin a comment or end the line.
        foreach (string metadata in new[] { "Namespace", "ClassName", "Accessibility" })
            if (item.GetMetadata(metadata).IndexOfAny([';', '#', '\r', '\n']) >= 0)
                throw new DiagnosticException(DiagnosticId.UnusableItem,
                    $"The metadata '{metadata}' of the CalibrationManifest item '{item.ItemSpec}' holds ';', '#' or a line break. Write a C# name.");

        string name = item.GetMetadata("SpecializerResource");
        if (!Names.IsFileName(name))
            throw new DiagnosticException(DiagnosticId.UnusableItem,
                $"The packed weights of '{item.ItemSpec}' would be called {Names.Quote(name)}. Rename the manifest: ASCII letters, digits, '-', '_' and single dots.");
        if (!names.Add(name))
            throw new DiagnosticException(DiagnosticId.SameName,
                $"Two CalibrationManifest items are called '{item.GetMetadata("Filename")}', so their packed weights would be one file. Rename one of them, or remove one if it is listed twice.");
    }

    private void Report(DiagnosticException e, ITaskItem item, ManifestFile? manifest)
    {
        // Before the manifest was read, only the project can be at fault.
        var (line, column, endLine, endColumn) = manifest?.Locate(e.WeightsProperty) ?? default;
        string file = item.GetMetadata(manifest is null ? "DefiningProjectFullPath" : "FullPath");
        Log.LogError("specializer", e.Id, e.Id, file, line, column, endLine, endColumn, e.Message);
    }

    private void DeleteStale()
    {
        var current = new HashSet<string>(PackedWeights.Select(blob => blob.GetMetadata("FullPath")), StringComparer.OrdinalIgnoreCase);
        foreach (string folder in new[] { EmbedFolder, BesideFolder }.Select(f => Path.Combine(Folder.GetMetadata("FullPath"), f)).Where(Directory.Exists))
            foreach (string blob in Directory.GetFiles(folder, "*.weights").Where(f => !current.Contains(f)))
                File.Delete(blob);
    }
}
