using System.Security.Cryptography;
using System.Text;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>A manifest with its weights, both checked.</summary>
internal sealed class CalibrationArtifact : IDisposable
{
    private readonly SafetensorsFile _weights;

    private CalibrationArtifact(CalibrationManifest manifest, SafetensorsFile weights)
    {
        Manifest = manifest;
        _weights = weights;
    }

    public CalibrationManifest Manifest { get; }

    /// <exception cref="ArtifactException">Manifest or weights are malformed, or do not belong together.</exception>
    /// <exception cref="IOException">A file is missing or unreadable.</exception>
    public static CalibrationArtifact Open(string manifestPath)
    {
        // Bytes, not text: the reader refuses a byte order mark, which reading as text would swallow.
        ManifestResult result = ManifestReader.Read(Encoding.UTF8.GetString(RegularFile.ReadAll(manifestPath, JsonReader.MaximumLength)));
        if (result.Manifest is not { } manifest)
            throw new ArtifactException(manifestPath, string.Join(Environment.NewLine, result.Errors.Select(e => $"({e.Line},{e.Column}): {e.Id}: {e.Message}")));

        string weightsPath = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(manifestPath))!, manifest.Weights.File);
        CheckHash(weightsPath, manifest.Weights);
        SafetensorsFile? weights = null;
        try
        {
            weights = SafetensorsFile.Open(weightsPath);
            CheckTensors(weights, manifest);
            var artifact = new CalibrationArtifact(manifest, weights);
            // The packer looks at every number.
            WeightPacker.Pack(manifest.Network, manifest.Steps.Count, artifact.Tensor, new(manifest.Network, manifest.Steps.Count, manifest.Weights.Sha256), Stream.Null);
            return artifact;
        }
        catch (Exception e)
        {
            weights?.Dispose();
            if (e is SafetensorsException s) throw new ArtifactException(weightsPath, $"{(s.Tensor is null ? "" : $"tensor '{s.Tensor}': ")}{s.Cause}. Calibrate the model again.", e);
            if (e is WeightsException) throw new ArtifactException(weightsPath, e.Message, e);
            throw;
        }
    }

    /// <summary>The bytes of a tensor.</summary>
    public byte[] Tensor(string name, long length)
    {
        byte[] bytes = _weights.Bytes(name).ToArray();
        return bytes.LongLength == length ? bytes : throw new ArtifactException(_weights.Path, $"tensor '{name}' has {bytes.Length} bytes, {length} are expected. Calibrate the model again.");
    }

    public void Dispose() => _weights.Dispose();

    private static void CheckHash(string path, WeightsIdentity expected)
    {
        using FileStream stream = RegularFile.Open(path);
        if (stream.Length != expected.Bytes)
            throw new ArtifactException(path, $"the file has {stream.Length} bytes, its manifest says {expected.Bytes}. They do not belong together; calibrate again or copy both.");
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (sha256 != expected.Sha256)
            throw new ArtifactException(path, $"the file has the SHA-256 {sha256}, its manifest says {expected.Sha256}. They do not belong together; calibrate again or copy both.");
    }

    private static void CheckTensors(SafetensorsFile weights, CalibrationManifest manifest)
    {
        var expected = WeightTensors.Of(manifest.Network, manifest.Steps.Count);
        foreach (WeightTensor tensor in expected.Values)
        {
            if (!weights.Entries.TryGetValue(tensor.Name, out SafetensorsEntry? entry))
                throw new SafetensorsException(weights.Path, tensor.Name, "is missing");
            if (entry.Type.Name() != tensor.Type || !entry.Shape.SequenceEqual(tensor.Shape))
                throw new SafetensorsException(weights.Path, tensor.Name,
                    $"is {entry.Type.Name()} [{string.Join(", ", entry.Shape)}]; {tensor.Type} [{string.Join(", ", tensor.Shape)}] is expected");
        }

        if (weights.Entries.Keys.FirstOrDefault(k => !expected.ContainsKey(k)) is { } surplus)
            throw new SafetensorsException(weights.Path, surplus, "belongs to no operation");
    }
}
