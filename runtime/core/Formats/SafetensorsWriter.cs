using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Specializer.Formats;

/// <summary>Collects tensors and writes them as one safetensors file, whose bytes depend on nothing but the content:
/// tensors stand in the order of element size (largest first) and name, as the reference implementation lays them out, metadata by key.</summary>
public sealed class SafetensorsWriter
{
    private readonly SortedDictionary<string, (DType Type, long[] Shape, long Length, Action<Stream> Write)> _tensors = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Adds a string to <c>__metadata__</c>.</summary>
    /// <param name="key">Its key; not yet used.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="ArgumentException">The key is taken.</exception>
    public void AddMetadata(string key, string value) => _metadata.Add(key, value);

    /// <summary>Adds an F32 tensor. The array is read when the file is written.</summary>
    /// <param name="name">Its key; not yet used.</param>
    /// <param name="data">Elements, outermost dimension first.</param>
    /// <param name="shape">Dimensions; none for a scalar.</param>
    /// <exception cref="ArgumentException">The name is taken, or shape and data differ in size.</exception>
    public void Add(string name, ReadOnlyMemory<float> data, params long[] shape) => Add(DType.F32, name, data, shape);

    /// <summary>Adds an I8 tensor.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, long[])"/>
    public void Add(string name, ReadOnlyMemory<sbyte> data, params long[] shape) => Add(DType.I8, name, data, shape);

    /// <summary>Adds a U8 tensor.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, long[])"/>
    public void Add(string name, ReadOnlyMemory<byte> data, params long[] shape) => Add(DType.U8, name, data, shape);

    /// <summary>Adds an I32 tensor.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, long[])"/>
    public void Add(string name, ReadOnlyMemory<int> data, params long[] shape) => Add(DType.I32, name, data, shape);

    /// <summary>Adds an I64 tensor.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, long[])"/>
    public void Add(string name, ReadOnlyMemory<long> data, params long[] shape) => Add(DType.I64, name, data, shape);

    /// <summary>Adds a tensor of any type whose bytes are made when the file is written.</summary>
    /// <param name="name">Its key; not yet used.</param>
    /// <param name="type">Of its elements.</param>
    /// <param name="shape">Dimensions.</param>
    /// <param name="write">Writes exactly its little-endian elements.</param>
    internal void Add(string name, DType type, long[] shape, Action<Stream> write)
    {
        RequireName(name);
        long length = SafetensorsHeader.ByteLength(shape, type) ?? throw new ArgumentException($"Tensor '{name}': shape [{string.Join(", ", shape)}] is too large.", nameof(shape));
        _tensors.Add(name, (type, [.. shape], length, write));
    }

    private static void RequireName(string name)
    {
        if (name == SafetensorsHeader.MetadataKey)
            throw new ArgumentException($"'{name}' is reserved; use {nameof(AddMetadata)}.", nameof(name));
    }

    private void Add<T>(DType type, string name, ReadOnlyMemory<T> data, long[] shape)
        where T : unmanaged
    {
        RequireName(name);
        if (Array.Exists(shape, d => d < 0) || SafetensorsHeader.ByteLength(shape, type) != (long)data.Length * type.Size())
            throw new ArgumentException($"Tensor '{name}': shape [{string.Join(", ", shape)}] does not fit {data.Length} elements.", nameof(shape));
        _tensors.Add(name, (type, [.. shape], (long)data.Length * type.Size(), stream => WriteElements(stream, data.Span)));
    }

    // In pieces, since a span of bytes cannot cover more than 2 GB.
    private static void WriteElements<T>(Stream stream, ReadOnlySpan<T> data)
        where T : unmanaged
    {
        const int Piece = 1 << 20;
        for (; data.Length > Piece; data = data[Piece..])
            stream.Write(MemoryMarshal.AsBytes(data[..Piece]));
        stream.Write(MemoryMarshal.AsBytes(data));
    }

    /// <summary>Writes the file in one piece or not at all.</summary>
    /// <param name="path">Target; replaced if it exists.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes the file's bytes.</summary>
    /// <param name="stream">Where to.</param>
    public void Write(Stream stream)
    {
        // A stable sort: names stay in order within a size.
        var ordered = _tensors.OrderByDescending(t => t.Value.Type.Size()).ToArray();
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            if (_metadata.Count > 0)
            {
                writer.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach (var (key, value) in _metadata)
                    writer.WriteString(key, value);
                writer.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, (type, shape, length, _)) in ordered)
            {
                var end = offset + length;
                writer.WriteStartObject(name);
                writer.WriteString("dtype", type.Name());
                WriteNumbers(writer, "shape", shape);
                WriteNumbers(writer, "data_offsets", [offset, end]);
                writer.WriteEndObject();
                offset = end;
            }
            writer.WriteEndObject();
        }
        // Spaces up to a multiple of eight keep the data section aligned.
        var padding = -json.WrittenCount & 7;
        json.GetSpan(padding)[..padding].Fill((byte)' ');
        json.Advance(padding);

        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, json.WrittenCount);
        stream.Write(prefix);
        stream.Write(json.WrittenSpan);
        foreach (var (_, (_, _, _, write)) in ordered)
            write(stream);
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, ReadOnlySpan<long> numbers)
    {
        writer.WriteStartArray(name);
        foreach (var number in numbers)
            writer.WriteNumberValue(number);
        writer.WriteEndArray();
    }
}
