using System.Globalization;
using System.Security.Cryptography;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>The weights file of a manifest, checked against it: the bytes that were hashed are the bytes that are handed out, or none, whoever writes to the file meanwhile.
/// Takes the memory of one block: others are read again from the same handle, and compared with the digest that they had when the whole was hashed.</summary>
internal sealed class WeightsFile : IDisposable
{
    private const string HowToFix = "Copy manifest and weights file together from where they were calibrated, or calibrate again.";

    private const int BlockBytes = 1 << 20;

    private readonly string _name;
    private readonly long _bytes;
    private readonly FileStream _stream;
    private readonly SHA256 _sha256 = SHA256.Create();
    private readonly List<byte[]> _digests = [];
    private byte[] _block = [];
    private int _held = -1;
    private IReadOnlyDictionary<string, SafetensorsEntry> _tensors = new Dictionary<string, SafetensorsEntry>();
    private long _dataStart;

    private WeightsFile(WeightsIdentity identity, FileStream stream)
    {
        _name = identity.File;
        _bytes = identity.Bytes;
        _stream = stream;
    }

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
        try
        {
            if (SymbolicLink.Target(path) is { } target && !target.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new WeightsFileException(WeightsFault.Unreadable, $"The weights file '{identity.File}' is a symbolic link that leads out of its folder, to {MessageText.Quote(target)}. Copy the file itself beside the manifest.");
            var file = new WeightsFile(identity, RegularFile.Open(path));
            try
            {
                file.Hash(identity.Sha256, cancellation);
                file.ReadHeader();
                file.CheckTensors(expected);
                return file;
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(identity.File, e);
        }
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

    /// <summary>Writes the whole file elsewhere.</summary>
    /// <exception cref="WeightsFileException">It was written to meanwhile.</exception>
    public void CopyTo(Stream to)
    {
        for (int index = 0; index < _digests.Count; index++)
        {
            byte[] block = Block(index);
            to.Write(block, 0, block.Length);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _sha256.Dispose();
    }

    private static WeightsFileException Unreadable(string name, Exception e) =>
        new(WeightsFault.Unreadable, $"The weights file '{name}' cannot be read beside the manifest: {e.Message} {HowToFix}");

    private void Hash(string expected, CancellationToken cancellation)
    {
        if (_stream.Length != _bytes)
            throw new WeightsFileException(WeightsFault.Length,
                $"The weights file '{_name}' has {_stream.Length} bytes; the manifest was written for one of {_bytes}: it is truncated, a Git LFS pointer that was not pulled, or belongs to another manifest. {HowToFix}");
        using var whole = SHA256.Create();
        for (long rest = _bytes; rest > 0; rest -= BlockBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadBlock((int)Math.Min(rest, BlockBytes));
            whole.TransformBlock(_block, 0, _block.Length, null, 0);
            _held = _digests.Count;
            _digests.Add(_sha256.ComputeHash(_block));
        }

        whole.TransformFinalBlock([], 0, 0);
        string actual = string.Concat(whole.Hash!.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
        if (actual != expected)
            throw new WeightsFileException(WeightsFault.Hash, $"The weights file '{_name}' has the SHA-256 {actual}: it is damaged or belongs to another manifest. {HowToFix}");
    }

    /// <summary>The block that was hashed as the whole was.</summary>
    private byte[] Block(int index)
    {
        if (index == _held) return _block;
        _held = -1;
        try
        {
            long start = _stream.Position = (long)index * BlockBytes;
            ReadBlock((int)Math.Min(BlockBytes, _bytes - start));
        }
        catch (IOException e)
        {
            throw Unreadable(_name, e);
        }

        if (!_sha256.ComputeHash(_block).SequenceEqual(_digests[index]))
            throw new WeightsFileException(WeightsFault.Hash, $"The weights file '{_name}' was written to while it was read. {HowToFix}");
        _held = index;
        return _block;
    }

    private void ReadBlock(int length)
    {
        if (_block.Length != length) _block = new byte[length];
        for (int read = 0, count; read < length; read += count)
        {
            count = _stream.Read(_block, read, length - read);
            if (count == 0) throw new EndOfStreamException($"'{_name}' became shorter while it was read.");
        }
    }

    private void ReadHeader()
    {
        try
        {
            int length = SafetensorsHeader.Length(Bytes(0, (int)Math.Min(SafetensorsHeader.PrefixBytes, _bytes)), _bytes);
            _dataStart = SafetensorsHeader.PrefixBytes + length;
            _tensors = SafetensorsHeader.Read(Bytes(SafetensorsHeader.PrefixBytes, length), _bytes - _dataStart).Entries;
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
            byte[] block = Block((int)((start + copied) / BlockBytes));
            int from = (int)((start + copied) % BlockBytes), count = Math.Min(length - copied, block.Length - from);
            Buffer.BlockCopy(block, from, bytes, copied, count);
            copied += count;
        }

        return bytes;
    }
}
