using System.Text;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>A manifest with its weights, both checked.</summary>
internal sealed class CalibrationArtifact : IDisposable
{
    private readonly string _weightsPath;
    private readonly WeightsFile _weights;

    private CalibrationArtifact(CalibrationManifest manifest, string text, string weightsPath, WeightsFile weights)
    {
        Manifest = manifest;
        Text = text;
        _weightsPath = weightsPath;
        _weights = weights;
    }

    public CalibrationManifest Manifest { get; }

    /// <summary>The manifest as it was read.</summary>
    public string Text { get; }

    /// <summary>What a manifest's name ends with.</summary>
    public const string Extension = ".calibration.json";

    /// <summary>Finds the manifest of a folder, or takes the one that is named.</summary>
    /// <param name="folder">Holds one <c>NAME.calibration.json</c>, or is one.</param>
    /// <exception cref="ArtifactException">There is none, or more than one.</exception>
    public static string Find(string folder)
    {
        if (folder.EndsWith(Extension, StringComparison.Ordinal) && File.Exists(folder)) return folder;
        if (!Directory.Exists(folder)) throw new ArtifactException(folder, File.Exists(folder) ? "is a file. Name the folder that holds it." : "the folder does not exist.");
        string[] found = Disk.Files(folder, $"*{Extension}");
        return found.Length == 1 ? found[0] : throw new ArtifactException(folder, found.Length == 0
            ? "there is no *.calibration.json. Calibrate a model into this folder first."
            : $"there are {found.Length} files *.calibration.json. Name one of them: {string.Join(", ", found.Select(Path.GetFileName).Order(StringComparer.Ordinal))}.");
    }

    /// <summary>Opens an artefact.</summary>
    /// <exception cref="ArtifactException">Manifest or weights are malformed, or do not belong together.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static CalibrationArtifact Open(string manifestPath)
    {
        // Bytes, not text: the reader refuses a byte order mark, which reading as text would swallow.
        string text = Encoding.UTF8.GetString(RegularFile.ReadAll(manifestPath, JsonReader.MaximumLength));
        ManifestResult result = ManifestReader.Read(text);
        if (result.Manifest is not { } manifest)
            throw new ArtifactException(manifestPath, string.Join(Environment.NewLine, result.Errors.Select(e => $"({e.Line},{e.Column}): {e.Id}: {e.Message}")));

        string weightsPath = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(manifestPath))!, manifest.Weights.File);
        WeightsFile? weights = null;
        try
        {
            Network network = LinkedNetwork.Of(manifest).Network;
            weights = WeightsFile.Read(manifestPath, manifest.Weights, WeightTensors.Of(network, manifest.Steps.Count), CancellationToken.None);
            // The packer looks at every number.
            WeightPacker.Pack(network, manifest.Steps.Count, weights.Tensor, new(network, manifest.Steps.Count, manifest.Weights.Sha256), Stream.Null);
            return new(manifest, text, weightsPath, weights);
        }
        catch (Exception e) when (e is WeightsFileException or WeightsException)
        {
            weights?.Dispose();
            throw new ArtifactException(weightsPath, e.Message, e);
        }
        catch
        {
            weights?.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a tensor.</summary>
    /// <exception cref="ArtifactException">There is no such tensor, or it has another length.</exception>
    public byte[] Tensor(string name, long length)
    {
        try
        {
            return _weights.Tensor(name, length);
        }
        catch (WeightsFileException e)
        {
            throw new ArtifactException(_weightsPath, e.Message, e);
        }
    }

    /// <summary>Writes the weights file elsewhere.</summary>
    /// <exception cref="ArtifactException">It was written to since it was checked.</exception>
    public void CopyWeights(Stream to)
    {
        try
        {
            _weights.CopyTo(to);
        }
        catch (WeightsFileException e)
        {
            throw new ArtifactException(_weightsPath, e.Message, e);
        }
    }

    public void Dispose() => _weights.Dispose();
}
