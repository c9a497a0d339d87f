using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Tasks;

/// <summary>Verifies calibrated models and packs their weights (docs/weights.md) for the program.</summary>
/// <remarks>A mistake in the text of a manifest is left to the generator, which reports it a moment later: one mistake, one message.</remarks>
public sealed class PackCalibratedWeights : Microsoft.Build.Utilities.Task, ICancelableTask
{
    /// <summary>Subfolder for blobs that become resources, and for the lists of digests of those that do not.</summary>
    public const string EmbedFolder = "embed";

    /// <summary>Subfolder for blobs that are copied beside the program.</summary>
    public const string BesideFolder = "beside";

    private static readonly string[] s_metadata = ["ClassName", "Namespace", "Accessibility"];

    private readonly CancellationTokenSource _cancellation = new();

    /// <summary>The manifests. Those with equal weights share one blob.</summary>
    [Required]
    public ITaskItem[] Manifests { get; set; } = [];

    /// <summary>Where to write: a folder that belongs to this task, below the intermediate output path.</summary>
    [Required]
    public ITaskItem Folder { get; set; } = null!;

    /// <summary>Largest blob, in bytes, that becomes a resource; larger ones travel as files.</summary>
    public long EmbedLimit { get; set; } = 32 << 20;

    /// <summary>Address of the folder with a page for each diagnostic, ending with '/'; empty for none.</summary>
    public string Help { get; set; } = "";

    /// <summary>The packed weights, with the name in metadata <c>LogicalName</c> and the digest of the content in <c>Digest</c>.</summary>
    [Output]
    public ITaskItem[] PackedWeights { get; private set; } = [];

    /// <inheritdoc/>
    public void Cancel() => _cancellation.Cancel();

    /// <inheritdoc/>
    public override bool Execute()
    {
        var packed = new Dictionary<string, ITaskItem>(StringComparer.Ordinal);
        var listed = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (ITaskItem item in Manifests)
        {
            ManifestFile? manifest = null;
            try
            {
                CheckItem(item, listed);
                WarnOfMisspelling(item);
                manifest = ManifestFile.Read(item.GetMetadata("FullPath"));
                Pack(manifest, packed);
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

        PackedWeights = [.. packed.Values];
        if (!Log.HasLoggedErrors) DeleteStale();
        return !Log.HasLoggedErrors;
    }

    /// <param name="file">The manifest.</param>
    /// <param name="packed">Blobs by name; a blob that another manifest has brought stays as it is.</param>
    private void Pack(ManifestFile file, Dictionary<string, ITaskItem> packed)
    {
        if (ManifestReader.Read(file.Text).Manifest is not { } manifest)
        {
            Log.LogMessage(MessageImportance.Low, $"'{file.Path}' has mistakes, which the generator reports; its weights are not packed.");
            return;
        }

        Network network = LinkedNetwork.Of(manifest).Network;
        int steps = manifest.Steps.Count;
        long bytes = new WeightLayout(network, steps).TotalBytes;
        var key = new WeightKey(network, steps, manifest.Weights.Sha256);
        bool beside = bytes > EmbedLimit;
        string target = Path.Combine(Folder.GetMetadata("FullPath"), beside ? BesideFolder : EmbedFolder, key.ResourceName);
        if (!packed.ContainsKey(key.ResourceName) && DiskRoom.TooLittle(target, bytes) is { } free)
        {
            throw new DiagnosticException(DiagnosticId.NotWritten, FormattableString.Invariant(
                $"'{manifest.Weights.File}' is not packed: it takes {bytes:N0} bytes in '{target}', and that disk has room for {free:N0}. Free {bytes - free:N0} bytes, or put the obj folder on another disk (BaseIntermediateOutputPath), and build again."), "file");
        }

        try
        {
            using var weights = WeightsFile.Read(file.Path, manifest.Weights, WeightTensors.Of(network, steps), _cancellation.Token);
            if (packed.ContainsKey(key.ResourceName)) return;
            Disk.CreateFolder(Path.GetDirectoryName(target)!);
            using var digest = new ContentDigest();
            AtomicFile.Write(target, output =>
            {
                // Closing it would close the file as well.
                var digested = new CryptoStream(output, digest, CryptoStreamMode.Write);
                WeightPacker.Pack(network, steps, Read, key, digested);
                digested.FlushFinalBlock();
            });
            if (beside) WriteChunks(ChunksOf(target), digest.Chunks);
            packed.Add(key.ResourceName, new TaskItem(target, new Dictionary<string, string>
            {
                ["LogicalName"] = key.ResourceName,
                ["Digest"] = string.Concat(digest.Hash.Select(b => b.ToString("x2", CultureInfo.InvariantCulture))),
            }));
            Log.LogMessage(MessageImportance.Normal, $"Packed '{manifest.Weights.File}' into '{target}', {bytes} bytes.");

            byte[] Read(string name, long length)
            {
                _cancellation.Token.ThrowIfCancellationRequested();
                return weights.Tensor(name, length);
            }
        }
        catch (WeightsFileException e)
        {
            throw Diagnose(e);
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

    /// <summary>Lists the digests of a blob's chunks, which a program verifies where it first reads them.</summary>
    private static void WriteChunks(string list, byte[] digests)
    {
        Disk.CreateFolder(Path.GetDirectoryName(list)!);
        AtomicFile.Write(list, output => output.Write(digests, 0, digests.Length));
    }

    private string ChunksOf(string blob) => Path.Combine(Folder.GetMetadata("FullPath"), EmbedFolder, $"{Path.GetFileName(blob)}.chunks");

    private static DiagnosticException Diagnose(WeightsFileException e) => e.Fault switch
    {
        WeightsFault.Length => new(DiagnosticId.WeightsLength, e.Message, "bytes"),
        WeightsFault.Hash => new(DiagnosticId.WeightsHash, e.Message, "sha256"),
        WeightsFault.Format => new(DiagnosticId.WeightsFormat, e.Message, "file"),
        WeightsFault.Tensors => new(DiagnosticId.WeightsTensors, e.Message, "file"),
        _ => new(DiagnosticId.WeightsUnreadable, e.Message, "file"),
    };

    /// <summary>What MSBuild could not carry to the generator unharmed.</summary>
    private static void CheckItem(ITaskItem item, HashSet<string> listed)
    {
        // Metadata reach the compiler in a text file in which these characters begin a comment or end the line.
        foreach (string metadata in s_metadata)
            if (item.GetMetadata(metadata).IndexOfAny([';', '#', '\r', '\n']) >= 0)
                throw new DiagnosticException(DiagnosticId.UnusableItem,
                    $"The metadata '{metadata}' of the CalibrationManifest item '{item.ItemSpec}' holds ';', '#' or a line break. Write a C# name.");

        // The compiler takes each file once, with the metadata of one of the items.
        if (!listed.Add(item.GetMetadata("FullPath")))
            throw new DiagnosticException(DiagnosticId.ListedTwice, $"The calibration manifest '{item.ItemSpec}' is listed twice. Remove one of the CalibrationManifest items.");
    }

    /// <summary>Items may carry anything; what is nearly one of ours was meant as ours.</summary>
    private void WarnOfMisspelling(ITaskItem item)
    {
        foreach (string name in item.CloneCustomMetadata().Keys.Cast<string>().Where(n => !s_metadata.Contains(n, StringComparer.OrdinalIgnoreCase)).OrderBy(n => n, StringComparer.Ordinal))
        {
            string? meant = name.Length < 4 ? null : Names.Nearest(name, s_metadata)
                ?? s_metadata.FirstOrDefault(m => m.IndexOf(name, StringComparison.OrdinalIgnoreCase) >= 0 || name.IndexOf(m, StringComparison.OrdinalIgnoreCase) >= 0);
            if (meant is null) continue;
            Log.LogWarning("specializer", DiagnosticId.UnknownMetadata, DiagnosticId.UnknownMetadata, Page(DiagnosticId.UnknownMetadata), item.GetMetadata("DefiningProjectFullPath"), 0, 0, 0, 0,
                $"The metadata {Names.Quote(name)} of the CalibrationManifest item '{item.ItemSpec}' has no effect; did you mean '{meant}'? There are {string.Join(", ", s_metadata)}.");
        }
    }

    private void Report(DiagnosticException e, ITaskItem item, ManifestFile? manifest)
    {
        // Before the manifest was read, only the project can be at fault.
        var (line, column, endLine, endColumn) = manifest?.Locate(e.WeightsProperty) ?? default;
        string file = item.GetMetadata(manifest is null ? "DefiningProjectFullPath" : "FullPath");
        Log.LogError("specializer", e.Id, e.Id, Page(e.Id), file, line, column, endLine, endColumn, e.Message);
    }

    private string Page(string id) => Help.Length == 0 ? "" : $"{Help}{id}.md";

    // What cannot be removed is in nobody's way.
    private void DeleteStale() => Temporary.Try(() =>
    {
        var current = new HashSet<string>(PackedWeights.Select(blob => blob.GetMetadata("FullPath")), StringComparer.OrdinalIgnoreCase);
        current.UnionWith(current.Where(blob => Path.GetFileName(Path.GetDirectoryName(blob)) == BesideFolder).Select(ChunksOf).ToArray());
        foreach (string folder in new[] { EmbedFolder, BesideFolder }.Select(f => Path.Combine(Folder.GetMetadata("FullPath"), f)).Where(Directory.Exists))
            foreach (string file in Disk.Files(folder, "*.weights").Concat(Disk.Files(folder, "*.chunks")).Where(f => !current.Contains(f)).ToArray())
                Disk.Delete(file);
    });
}
