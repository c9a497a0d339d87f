using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Writes an artefact: <c>NAME.weights.safetensors</c>, then the manifests that bind it, usually one, <c>NAME.calibration.json</c>. Whatever interrupts it,
/// a manifest on the disk means that its weights are whole; whoever else writes, it binds the bytes written here and no others.</summary>
internal static class ArtifactWriter
{
    /// <summary>Writes both files, replacing older ones.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="manifest">What it says of the weights file is replaced by what was written.</param>
    /// <param name="weights">The tensors.</param>
    /// <returns>Path of the manifest, and the manifest as written.</returns>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static (string Path, CalibrationManifest Manifest) Write(string folder, CalibrationManifest manifest, SafetensorsWriter weights) =>
        Write(folder, manifest.Model.Name, [manifest], weights)[0];

    /// <summary>Writes a weights file and the manifests that share it, replacing older ones.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="name">Of the weights file; each manifest's is its model's name.</param>
    /// <param name="manifests">What they say of the weights file is replaced by what was written.</param>
    /// <param name="weights">The tensors.</param>
    /// <returns>Path of each manifest, and the manifest as written.</returns>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static (string Path, CalibrationManifest Manifest)[] Write(string folder, string name, IReadOnlyList<CalibrationManifest> manifests, SafetensorsWriter weights)
    {
        string file = $"{name}.weights.safetensors", weightsPath = Path.Combine(folder, file);
        // An old manifest beside new weights would be a mismatch that looks like a whole artefact. Of other schedulers there may be more.
        string[] replaced = [.. manifests.Select(m => m.Model.Name).Append(name).Select(PathOf)];
        foreach (string old in Disk.Files(folder, $"*{CalibrationArtifact.Extension}").Where(path => Binds(path, file)).Union(replaced)) Disk.Delete(old);
        using var hash = SHA256.Create();
        long bytes = 0;
        AtomicFile.Write(weightsPath, stream =>
        {
            using (var hashed = new CryptoStream(stream, hash, CryptoStreamMode.Write, leaveOpen: true)) weights.Write(hashed);
            bytes = stream.Position;
        });
        var identity = new WeightsIdentity(file, Convert.ToHexStringLower(hash.Hash!), bytes);
        return [.. manifests.Select(m => WriteManifest(m with { Weights = identity }))];

        (string, CalibrationManifest) WriteManifest(CalibrationManifest manifest)
        {
            AtomicFile.Write(PathOf(manifest.Model.Name), stream => ManifestWriter.Write(manifest, stream));
            return (PathOf(manifest.Model.Name), manifest);
        }

        string PathOf(string model) => Path.Combine(folder, model + CalibrationArtifact.Extension);
    }

    private static bool Binds(string manifest, string weights)
    {
        try
        {
            return ManifestReader.Read(Encoding.UTF8.GetString(RegularFile.ReadAll(manifest, JsonReader.MaximumLength))).Manifest?.Weights.File == weights;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
