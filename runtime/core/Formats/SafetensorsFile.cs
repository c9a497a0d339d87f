using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;

namespace Specializer.Formats;

/// <summary>A memory-mapped safetensors file, fully checked when opened.</summary>
/// <remarks>Any number of threads may read. Nothing may be read during or after <see cref="Dispose"/>.</remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly IReadOnlyDictionary<string, SafetensorsEntry> _entries;
    private readonly long _dataStart, _length;
    private readonly byte* _pointer;
    private bool _disposed;

    private SafetensorsFile(string path)
    {
        Path = path;
        using var stream = RegularFile.Open(path);
        var fileLength = stream.Length;
        try
        {
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
            throw new SafetensorsException(path, e.Tensor, e.Message, e);
        }

        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, fileLength, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        _pointer += _view.PointerOffset + _dataStart;
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

    /// <summary>A tensor's bytes, little-endian, in place. Valid until <see cref="Dispose"/>.</summary>
    /// <param name="name">Its key.</param>
    /// <exception cref="SafetensorsException">No such tensor, or it is larger than 2 GB.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var entry = Find(name);
        if (entry.Length > int.MaxValue)
            throw new SafetensorsException(Path, name, $"has {entry.Length} bytes; at most {int.MaxValue} can be read at once");
        return new(_pointer + entry.Offset, (int)entry.Length);
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

    /// <summary>SHA-256 of the whole file as it is mapped, 64 lower-case hex digits.</summary>
    internal string Sha256()
    {
        const int Block = 1 << 20;
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long start = -_dataStart, end = _length - _dataStart; start < end; start += Block)
            hash.AppendData(new ReadOnlySpan<byte>(_pointer + start, (int)Math.Min(Block, end - start)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

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
        // The data section need not be aligned, so elements are copied as bytes.
        fixed (T* target = elements)
            Buffer.MemoryCopy(_pointer + entry.Offset, target, entry.Length, entry.Length);
        return elements;
    }
}
