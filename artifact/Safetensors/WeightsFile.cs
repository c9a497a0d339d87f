using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Tasks.Safetensors;

/// <summary>The weights file of a manifest, checked against it. Held open for reading, so that what was checked is what is packed.</summary>
internal sealed class WeightsFile : IDisposable
{
    private const string HowToFix = "Copy manifest and weights file together from where they were calibrated, or calibrate again.";

    private readonly FileStream _stream;
    private readonly string _name;
    private IReadOnlyDictionary<string, SafetensorsEntry> _tensors = new Dictionary<string, SafetensorsEntry>();
    private long _dataStart;

    private WeightsFile(FileStream stream, string name)
    {
        _stream = stream;
        _name = name;
    }

    /// <exception cref="DiagnosticException">The file is missing or is not the one that the manifest means.</exception>
    public static WeightsFile Open(string manifestPath, WeightsIdentity identity, IReadOnlyDictionary<string, WeightTensor> expected, CancellationToken cancellation)
    {
        string path = Path.Combine(Path.GetDirectoryName(manifestPath)!, identity.File);
        WeightsFile? file = null;
        try
        {
            file = new(RegularFile.Open(path), identity.File);
            file.CheckIdentity(identity, cancellation);
            file.ReadHeader();
            file.CheckTensors(expected);
            return file;
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is not (IOException or UnauthorizedAccessException)) throw;
            throw new DiagnosticException(DiagnosticId.WeightsUnreadable,
                $"The weights file '{identity.File}' cannot be read beside the manifest: {e.Message} {HowToFix}", "file");
        }
    }

    /// <summary>The little-endian bytes of a tensor.</summary>
    public byte[] Read(string name, long length)
    {
        SafetensorsEntry tensor = _tensors[name];
        if (length > int.MaxValue)
            throw new DiagnosticException(DiagnosticId.WeightsTensors, $"The tensor {Names.Quote(name)} of '{_name}' has {length} bytes; one tensor may have {int.MaxValue}. Use fewer bits.", "file");
        var bytes = new byte[length];
        _stream.Position = _dataStart + tensor.Offset;
        ReadExactly(bytes);
        return bytes;
    }

    public void Dispose() => _stream.Dispose();

    private void CheckIdentity(WeightsIdentity identity, CancellationToken cancellation)
    {
        if (_stream.Length != identity.Bytes)
            throw new DiagnosticException(DiagnosticId.WeightsLength,
                $"The weights file '{_name}' has {_stream.Length} bytes; the manifest was written for one of {identity.Bytes}: it is truncated, a Git LFS pointer that was not pulled, or belongs to another manifest. {HowToFix}", "bytes");
        string actual = string.Concat(Hash(cancellation).Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
        if (actual != identity.Sha256)
            throw new DiagnosticException(DiagnosticId.WeightsHash,
                $"The weights file '{_name}' has the SHA-256 {actual}: it is damaged or belongs to another manifest. {HowToFix}", "sha256");
    }

    private byte[] Hash(CancellationToken cancellation)
    {
        using var sha256 = SHA256.Create();
        var block = new byte[1 << 20];
        int read;
        while ((read = _stream.Read(block, 0, block.Length)) > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            sha256.TransformBlock(block, 0, read, null, 0);
        }

        sha256.TransformFinalBlock([], 0, 0);
        return sha256.Hash;
    }

    private void ReadHeader()
    {
        try
        {
            _stream.Position = 0;
            var prefix = new byte[SafetensorsHeader.PrefixBytes];
            if (_stream.Length >= prefix.Length) ReadExactly(prefix);
            var header = new byte[SafetensorsHeader.Length(prefix, _stream.Length)];
            ReadExactly(header);
            _dataStart = _stream.Position;
            _tensors = SafetensorsHeader.Read(header, _stream.Length - _dataStart).Entries;
        }
        catch (SafetensorsHeaderException e)
        {
            string tensor = e.Tensor is null ? "" : $"tensor {MessageText.Quote(e.Tensor)}: ";
            throw new DiagnosticException(DiagnosticId.WeightsFormat, $"'{_name}' is not a valid safetensors file: {tensor}{e.Message}. Calibrate again.", "file");
        }
    }

    private void CheckTensors(IReadOnlyDictionary<string, WeightTensor> expected)
    {
        foreach (WeightTensor tensor in expected.Values)
        {
            if (!_tensors.TryGetValue(tensor.Name, out SafetensorsEntry? stored))
                throw Mismatch($"misses the tensor '{tensor.Name}', {Describe(tensor.Type, tensor.Shape)}, which the network needs.");
            if (stored.Type.Name() != tensor.Type || !stored.Shape.SequenceEqual(tensor.Shape))
                throw Mismatch($"holds the tensor '{tensor.Name}' as {Describe(stored.Type.Name(), stored.Shape)}; the network needs {Describe(tensor.Type, tensor.Shape)}.");
        }

        if (_tensors.Keys.FirstOrDefault(name => !expected.ContainsKey(name)) is { } unknown)
            throw Mismatch($"holds the tensor {Names.Quote(unknown)}, which no operation of the network uses.");

        DiagnosticException Mismatch(string what) =>
            new(DiagnosticId.WeightsTensors, $"The weights file '{_name}' {what} Manifest and weights do not come from the same calibration: calibrate again.", "file");
    }

    private static string Describe(string type, IEnumerable<long> shape) => $"{type} [{string.Join(", ", shape)}]";

    private void ReadExactly(byte[] bytes)
    {
        int read = 0;
        while (read < bytes.Length)
        {
            int count = _stream.Read(bytes, read, bytes.Length - read);
            if (count == 0) throw new EndOfStreamException($"'{_name}' became shorter while it was read.");
            read += count;
        }
    }
}
