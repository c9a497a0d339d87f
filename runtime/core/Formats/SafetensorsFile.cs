using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Specializer.Formats;

/// <summary>A safetensors file, its header fully checked when opened, its tensors read one at a time when asked for.</summary>
/// <remarks>Any number of threads may read. Nothing may be read during or after <see cref="Dispose"/>.</remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly FileStream _file;
    private readonly DateTime _written;
    private readonly Lazy<MappedView> _view;
    private readonly IReadOnlyDictionary<string, SafetensorsEntry> _entries;
    private readonly long _dataStart, _length;
    private bool _disposed;

    private SafetensorsFile(string path)
    {
        Path = path;
        FileStream stream = _file = RegularFile.Open(path);
        try
        {
            var fileLength = stream.Length;
            _written = File.GetLastWriteTimeUtc(stream.SafeFileHandle);
            var prefix = new byte[SafetensorsHeader.PrefixBytes];
            if (fileLength >= prefix.Length) stream.ReadExactly(prefix);
            var json = new byte[SafetensorsHeader.Length(prefix, fileLength)];
            stream.ReadExactly(json);
            _length = fileLength;
            _dataStart = prefix.Length + json.Length;
            SafetensorsHeader header = SafetensorsHeader.Read(json, fileLength - _dataStart);
            (_entries, Metadata) = (header.Entries, header.Metadata);
        }
        catch (SafetensorsHeaderException e)
        {
            stream.Dispose();
            throw new SafetensorsException(path, e.Tensor, e.Message, e);
        }
        catch
        {
            stream.Dispose();
            throw;
        }

        _view = new(() => new(stream, path));
    }

    /// <summary>The path as given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>The strings under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SafetensorsException">It is not valid safetensors.</exception>
    /// <exception cref="IOException">It is missing or unreadable.</exception>
    public static SafetensorsFile Open(string path) => new(path);

    /// <summary>A tensor's bytes, little-endian, in place: the first call maps the file. Valid until <see cref="Dispose"/>.</summary>
    /// <param name="name">Its key.</param>
    /// <exception cref="SafetensorsException">No such tensor, or it is larger than 2 GB.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var entry = Find(name);
        if (entry.Length > int.MaxValue)
            throw new SafetensorsException(Path, name, $"has {entry.Length} bytes; at most {int.MaxValue} can be read at once");
        return new(_view.Value.Pointer + _dataStart + entry.Offset, (int)entry.Length);
    }

    /// <summary>Copies a tensor of F32, F16, BF16 or F64 into single precision; F64 is rounded to nearest.</summary>
    /// <param name="name">Its key.</param>
    /// <returns>All elements, in the file's order.</returns>
    /// <exception cref="SafetensorsException">No such tensor, another type, or too large for an array.</exception>
    public float[] ReadFloats(string name)
    {
        var entry = Find(name);
        return entry.Type switch
        {
            DType.F32 => Read<float>(entry),
            DType.F16 => Array.ConvertAll(Read<Half>(entry), x => (float)x),
            DType.BF16 => Array.ConvertAll(Read<ushort>(entry), x => BitConverter.UInt32BitsToSingle((uint)x << 16)),
            DType.F64 => Array.ConvertAll(Read<double>(entry), x => (float)x),
            _ => throw new SafetensorsException(Path, name, $"is of type {entry.Type.Name()}; F32, F16, BF16 or F64 is needed"),
        };
    }

    /// <summary>Copies a tensor of any integer type or BOOL into 64-bit integers.</summary>
    /// <param name="name">Its key.</param>
    /// <returns>All elements, in the file's order.</returns>
    /// <exception cref="SafetensorsException">No such tensor, another type, a number above 2^63 − 1, or too large for an array.</exception>
    public long[] ReadIntegers(string name)
    {
        var entry = Find(name);
        return entry.Type switch
        {
            DType.Bool or DType.U8 => Array.ConvertAll(Read<byte>(entry), x => (long)x),
            DType.I8 => Array.ConvertAll(Read<sbyte>(entry), x => (long)x),
            DType.I16 => Array.ConvertAll(Read<short>(entry), x => (long)x),
            DType.U16 => Array.ConvertAll(Read<ushort>(entry), x => (long)x),
            DType.I32 => Array.ConvertAll(Read<int>(entry), x => (long)x),
            DType.U32 => Array.ConvertAll(Read<uint>(entry), x => (long)x),
            DType.I64 => Read<long>(entry),
            DType.U64 => Array.ConvertAll(Read<ulong>(entry), x => x <= long.MaxValue
                ? (long)x : throw new SafetensorsException(Path, name, $"holds {x}, which does not fit a signed 64-bit integer")),
            _ => throw new SafetensorsException(Path, name, $"is of type {entry.Type.Name()}; an integer type is needed"),
        };
    }

    /// <summary>SHA-256 of the whole file, 64 lower-case hex digits.</summary>
    internal string Sha256()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] block = BlockOf(_length);
        for (long start = 0; start < _length; start += Block)
        {
            Span<byte> part = block.AsSpan(0, (int)Math.Min(Block, _length - start));
            ReadAt(start, part);
            hash.AppendData(part);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Writes a part of a tensor's bytes as they stand, a block at a time.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="start">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="output">Where to.</param>
    internal void CopyTo(string name, long start, long length, Stream output)
    {
        SafetensorsEntry entry = Find(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, entry.Length - start);
        byte[] block = BlockOf(length);
        for (long end = start + length; start < end; start += Block)
        {
            Span<byte> part = block.AsSpan(0, (int)Math.Min(Block, end - start));
            ReadAt(_dataStart + entry.Offset + start, part);
            output.Write(part);
        }
    }

    /// <summary>Index of a tensor's first element that is NaN or infinite; −1 for none, and for types that have no such numbers. Reads a block at a time.</summary>
    internal long FindNonFinite(string name)
    {
        SafetensorsEntry entry = Find(name);
        int size = entry.Type.Size();
        if (entry.Type is not (DType.F16 or DType.BF16 or DType.F32 or DType.F64)) return -1;
        byte[] block = BlockOf(entry.Length);
        for (long start = 0; start < entry.Length; start += Block)
        {
            Span<byte> part = block.AsSpan(0, (int)Math.Min(Block, entry.Length - start));
            ReadAt(_dataStart + entry.Offset + start, part);
            // An exponent of ones.
            int found = entry.Type switch
            {
                DType.F16 => FirstWith<ushort>(part, 0x7C00),
                DType.BF16 => FirstWith<ushort>(part, 0x7F80),
                DType.F32 => FirstWith<uint>(part, 0x7F80_0000),
                _ => FirstWith<ulong>(part, 0x7FF0_0000_0000_0000),
            };
            if (found >= 0) return start / size + found;
        }

        return -1;

        static int FirstWith<T>(ReadOnlySpan<byte> bytes, T exponent) where T : unmanaged, System.Numerics.IBinaryInteger<T>
        {
            ReadOnlySpan<T> elements = MemoryMarshal.Cast<byte, T>(bytes);
            for (int i = 0; i < elements.Length; i++)
                if ((elements[i] & exponent) == exponent) return i;
            return -1;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_view.IsValueCreated) _view.Value.Dispose();
        _file.Dispose();
    }

    private const int Block = 1 << 20;

    // Most tensors are small, and a megabyte is cleared, and collected among the large objects.
    private static byte[] BlockOf(long length) => new byte[Math.Min(Block, length)];

    private SafetensorsEntry Find(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _entries.TryGetValue(name, out var entry) ? entry : throw new SafetensorsException(Path, name, "is missing");
    }

    private T[] Read<T>(SafetensorsEntry entry)
        where T : unmanaged
    {
        if (entry.Elements > Array.MaxLength)
            throw new SafetensorsException(Path, entry.Name, $"has {entry.Elements} elements; at most {Array.MaxLength} can be read at once");
        var elements = new T[entry.Elements];
        // In pieces, since a span of bytes cannot cover more than 2 GB.
        for (int start = 0; start < elements.Length; start += Block)
            ReadAt(_dataStart + entry.Offset + (long)start * sizeof(T), MemoryMarshal.AsBytes(elements.AsSpan(start, Math.Min(Block, elements.Length - start))));
        return elements;
    }

    // What was checked, or hashed, must be what is read: a file that was written to since is another one.
    private void ReadAt(long offset, Span<byte> destination)
    {
        if (File.GetLastWriteTimeUtc(_file.SafeFileHandle) != _written || RandomAccess.GetLength(_file.SafeFileHandle) != _length)
            throw new SafetensorsException(Path, null, "was written to after it was opened");
        for (int count; destination.Length > 0; destination = destination[count..], offset += count)
        {
            count = Disk.Read(_file, Path, destination, offset);
            if (count == 0) throw new SafetensorsException(Path, null, "became shorter while it was read");
        }
    }

    private sealed class MappedView : IDisposable
    {
        private readonly MemoryMappedFile _map;
        private readonly MemoryMappedViewAccessor _view;

        public MappedView(FileStream file, string path)
        {
            _map = Disk.Map(file, path, leaveOpen: true);
            _view = _map.CreateViewAccessor(0, file.Length, MemoryMappedFileAccess.Read);
            byte* pointer = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            Pointer = pointer + _view.PointerOffset;
        }

        /// <summary>The file's first byte.</summary>
        public byte* Pointer { get; }

        public void Dispose()
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _map.Dispose();
        }
    }
}
