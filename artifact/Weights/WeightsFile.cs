using System.Globalization;
using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>The weights file of a manifest, read once and checked against it: the bytes that were hashed are the bytes that are handed out, whoever writes to
/// the file meanwhile. Takes as much memory as the file.</summary>
internal sealed class WeightsFile : IDisposable
{
    private const string HowToFix = "Copy manifest and weights file together from where they were calibrated, or calibrate again.";

    // No array holds more than 2 GB; files may.
    private const int BlockBytes = 1 << 24;

    private readonly string _name;
    private readonly List<byte[]> _blocks = [];
    private IReadOnlyDictionary<string, SafetensorsEntry> _tensors = new Dictionary<string, SafetensorsEntry>();
    private long _dataStart;

    private WeightsFile(string name) => _name = name;

    /// <param name="manifestPath">The file lies beside it.</param>
    /// <param name="identity">What the manifest says of the file.</param>
    /// <param name="expected">The tensors that it must hold, by name, and no others.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="WeightsFileException">The file is missing or is not the one that the manifest means.</exception>
    public static WeightsFile Read(string manifestPath, WeightsIdentity identity, IReadOnlyDictionary<string, WeightTensor> expected, CancellationToken cancellation)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(manifestPath))!, path = Path.Combine(folder, identity.File);
        if (string.Equals(identity.File, Path.GetFileName(manifestPath), StringComparison.OrdinalIgnoreCase))
            throw new WeightsFileException(WeightsFault.Unreadable, $"The manifest names itself, '{identity.File}', as its weights file. {HowToFix}");
        var file = new WeightsFile(identity.File);
        try
        {
            if (SymbolicLink.Target(path) is { } target && !target.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new WeightsFileException(WeightsFault.Unreadable, $"The weights file '{identity.File}' is a symbolic link that leads out of its folder, to {MessageText.Quote(target)}. Copy the file itself beside the manifest.");
            using FileStream stream = RegularFile.Open(path);
            file.Read(stream, identity, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WeightsFileException(WeightsFault.Unreadable, $"The weights file '{identity.File}' cannot be read beside the manifest: {e.Message} {HowToFix}");
        }

        file.ReadHeader(identity.Bytes);
        file.CheckTensors(expected);
        return file;
    }

    /// <summary>The little-endian bytes of a tensor.</summary>
    /// <exception cref="WeightsFileException">There is no such tensor, or it has another length.</exception>
    public byte[] Tensor(string name, long length)
    {
        if (!_tensors.TryGetValue(name, out SafetensorsEntry? tensor))
            throw new WeightsFileException(WeightsFault.Tensors, $"The weights file '{_name}' holds no tensor {Names.Quote(name)}. Calibrate again.");
        if (length > int.MaxValue)
            throw new WeightsFileException(WeightsFault.Tensors, $"The tensor {Names.Quote(name)} of '{_name}' has {length} bytes; one tensor may have {int.MaxValue}. Use fewer bits.");
        if (length != tensor.Length)
            throw new WeightsFileException(WeightsFault.Tensors, $"The tensor {Names.Quote(name)} of '{_name}' has {tensor.Length} bytes, {length} are expected. Calibrate again.");
        return Bytes(_dataStart + tensor.Offset, (int)length);
    }

    /// <summary>Lets go of the bytes.</summary>
    public void Dispose() => _blocks.Clear();

    private void Read(FileStream stream, WeightsIdentity identity, CancellationToken cancellation)
    {
        if (stream.Length != identity.Bytes)
            throw new WeightsFileException(WeightsFault.Length,
                $"The weights file '{_name}' has {stream.Length} bytes; the manifest was written for one of {identity.Bytes}: it is truncated, a Git LFS pointer that was not pulled, or belongs to another manifest. {HowToFix}");
        using var sha256 = SHA256.Create();
        for (long rest = identity.Bytes; rest > 0; rest -= BlockBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            var block = new byte[Math.Min(rest, BlockBytes)];
            Fill(stream, block);
            sha256.TransformBlock(block, 0, block.Length, null, 0);
            _blocks.Add(block);
        }

        sha256.TransformFinalBlock([], 0, 0);
        string actual = string.Concat(sha256.Hash!.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
        if (actual != identity.Sha256)
            throw new WeightsFileException(WeightsFault.Hash, $"The weights file '{_name}' has the SHA-256 {actual}: it is damaged or belongs to another manifest. {HowToFix}");
    }

    private void Fill(FileStream stream, byte[] block)
    {
        int read = 0;
        while (read < block.Length)
        {
            int count = stream.Read(block, read, block.Length - read);
            if (count == 0) throw new EndOfStreamException($"'{_name}' became shorter while it was read.");
            read += count;
        }
    }

    private void ReadHeader(long fileBytes)
    {
        try
        {
            int length = SafetensorsHeader.Length(Bytes(0, (int)Math.Min(SafetensorsHeader.PrefixBytes, fileBytes)), fileBytes);
            _dataStart = SafetensorsHeader.PrefixBytes + length;
            _tensors = SafetensorsHeader.Read(Bytes(SafetensorsHeader.PrefixBytes, length), fileBytes - _dataStart).Entries;
        }
        catch (SafetensorsHeaderException e)
        {
            string tensor = e.Tensor is null ? "" : $"tensor {MessageText.Quote(e.Tensor)}: ";
            throw new WeightsFileException(WeightsFault.Format, $"'{_name}' is not a valid safetensors file: {tensor}{e.Message}. Calibrate again.");
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

        WeightsFileException Mismatch(string what) =>
            new(WeightsFault.Tensors, $"The weights file '{_name}' {what} Manifest and weights do not come from the same calibration: calibrate again.");
    }

    private static string Describe(string type, IEnumerable<long> shape) => $"{type} [{string.Join(", ", shape)}]";

    private byte[] Bytes(long start, int length)
    {
        var bytes = new byte[length];
        for (int copied = 0; copied < length;)
        {
            byte[] block = _blocks[(int)((start + copied) / BlockBytes)];
            int from = (int)((start + copied) % BlockBytes), count = Math.Min(length - copied, block.Length - from);
            Buffer.BlockCopy(block, from, bytes, copied, count);
            copied += count;
        }

        return bytes;
    }
}
