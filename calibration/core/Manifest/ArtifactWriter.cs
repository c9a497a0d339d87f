using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Writes an artefact: <c>NAME.weights.safetensors</c>, then <c>NAME.calibration.json</c> that binds it. Whatever interrupts it,
/// a manifest on the disk means that its weights are whole; whoever else writes, it binds the bytes written here and no others.</summary>
internal static class ArtifactWriter
{
    /// <summary>Writes both files, replacing older ones.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="manifest">What it says of the weights file is replaced by what was written.</param>
    /// <param name="weights">The tensors.</param>
    /// <returns>Path of the manifest, and the manifest as written.</returns>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static (string Path, CalibrationManifest Manifest) Write(string folder, CalibrationManifest manifest, SafetensorsWriter weights)
    {
        string path = Path.Combine(folder, $"{manifest.Model.Name}.calibration.json");
        string file = $"{manifest.Model.Name}.weights.safetensors", weightsPath = Path.Combine(folder, file);
        // An old manifest beside new weights would be a mismatch that looks like a whole artefact.
        Disk.Delete(path);
        using var hash = SHA256.Create();
        long bytes = 0;
        AtomicFile.Write(weightsPath, stream =>
        {
            using (var hashed = new CryptoStream(stream, hash, CryptoStreamMode.Write, leaveOpen: true)) weights.Write(hashed);
            bytes = stream.Position;
        });
        manifest = manifest with { Weights = new(file, Convert.ToHexStringLower(hash.Hash!), bytes) };
        AtomicFile.Write(path, stream => ManifestWriter.Write(manifest, stream));
        return (path, manifest);
    }
}
