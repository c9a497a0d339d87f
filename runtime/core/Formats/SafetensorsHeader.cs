using System.Text.Json;
using System.Text.Unicode;

namespace Specializer.Formats;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, from the start of the data section.</param>
/// <param name="Length">Bytes.</param>
public sealed record SafetensorsEntry(string Name, DType Type, long[] Shape, long Offset, long Length)
{
    /// <summary>Number of elements.</summary>
    public long Elements => Length / Type.Size();
}

/// <summary>The header of a safetensors file: a pure function from its bytes to checked entries.</summary>
/// <remarks>Accepts what the reference implementation (safetensors, Rust) accepts, except that duplicate keys and a null
/// <c>__metadata__</c> are refused.</remarks>
internal static class SafetensorsHeader
{
    /// <summary>The reference implementation's bound.</summary>
    public const long MaxLength = 100_000_000;

    public const string MetadataKey = "__metadata__";

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">Its bytes, without the length in front.</param>
    /// <param name="dataLength">Bytes that follow it in the file.</param>
    /// <param name="file">For messages.</param>
    /// <exception cref="SafetensorsException">Anything that the reference implementation refuses.</exception>
    public static (Dictionary<string, SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> json, long dataLength, string file)
    {
        if (json.IsEmpty || json[0] != '{')
            throw new SafetensorsException(file, null, "the header does not start with '{': this is no safetensors file");
        if (!Utf8.IsValid(json))
            throw new SafetensorsException(file, null, "the header is not valid UTF-8");

        var entries = new Dictionary<string, SafetensorsEntry>();
        Dictionary<string, string>? metadata = null;
        string? tensor = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            Expect(ref reader, JsonTokenType.StartObject);
            while (NextName(ref reader) is { } name)
            {
                tensor = name;
                if (name == MetadataKey)
                {
                    if (metadata is not null)
                        throw new FormatException("occurs twice");
                    metadata = ReadMetadata(ref reader);
                }
                else if (!entries.TryAdd(name, ReadEntry(ref reader, name)))
                {
                    throw new FormatException("occurs twice");
                }
                tensor = null;
            }
            if (reader.Read())
                throw new FormatException("the header goes on after its end");
        }
        // The reader reports malformed escapes and lone surrogates as invalid operations.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafetensorsException(file, tensor, $"the header is not valid JSON: {e.Message}", e);
        }
        catch (FormatException e)
        {
            throw new SafetensorsException(file, tensor, e.Message, e);
        }
        CheckOffsets(entries.Values, dataLength, file);
        return (entries, metadata ?? []);
    }

    private static Dictionary<string, string> ReadMetadata(ref Utf8JsonReader reader)
    {
        var metadata = new Dictionary<string, string>();
        Expect(ref reader, JsonTokenType.StartObject);
        while (NextName(ref reader) is { } key)
        {
            Expect(ref reader, JsonTokenType.String);
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new FormatException($"key '{key}' occurs twice");
        }
        return metadata;
    }

    private static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        (string? typeName, long[]? shape, long[]? offsets) = (null, null, null);
        Expect(ref reader, JsonTokenType.StartObject);
        while (NextName(ref reader) is { } field)
        {
            switch (field)
            {
                case "dtype" when typeName is null:
                    Expect(ref reader, JsonTokenType.String);
                    typeName = reader.GetString()!;
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, field);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw new FormatException($"'{field}' occurs twice");
                default:
                    reader.Read();
                    reader.Skip();
                    break;
            }
        }
        if (typeName is null || shape is null || offsets is null)
            throw new FormatException("needs 'dtype', 'shape' and 'data_offsets'");
        var type = DTypes.Find(typeName) ?? throw new FormatException($"unknown dtype '{typeName}'");
        if (offsets.Length != 2)
            throw new FormatException($"'data_offsets' holds {offsets.Length} numbers instead of 2");
        if (offsets[1] < offsets[0])
            throw new FormatException($"ends at {offsets[1]}, before its begin {offsets[0]}");

        var length = ByteLength(shape, type) ?? throw new FormatException($"shape [{string.Join(", ", shape)}] is too large");
        if (length != offsets[1] - offsets[0])
            throw new FormatException($"shape [{string.Join(", ", shape)}] of {typeName} takes {length} bytes, but its offsets span {offsets[1] - offsets[0]}");
        return new(name, type, shape, offsets[0], length);
    }

    /// <summary>Bytes of a tensor, or null when a 64-bit number cannot hold them.</summary>
    public static long? ByteLength(ReadOnlySpan<long> shape, DType type)
    {
        try
        {
            long elements = 1;
            foreach (var dimension in shape)
                elements = checked(elements * dimension);
            return checked(elements * type.Size());
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static void CheckOffsets(IEnumerable<SafetensorsEntry> entries, long dataLength, string file)
    {
        long end = 0;
        foreach (var entry in entries.OrderBy(e => e.Offset).ThenBy(e => e.Length))
        {
            if (entry.Offset != end)
                throw new SafetensorsException(file, entry.Name, $"begins at byte {entry.Offset} of the data, but the tensors before it end at {end}: no gaps or overlaps are allowed");
            end = entry.Offset + entry.Length;
        }
        if (end != dataLength)
            throw new SafetensorsException(file, null, $"holds {dataLength} bytes of data, but its tensors take {end}: the file is truncated or damaged; copy or download it again");
    }

    /// <summary>The next property's name, or null at the object's end.</summary>
    private static string? NextName(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;

    private static long[] ReadNumbers(ref Utf8JsonReader reader, string field)
    {
        Expect(ref reader, JsonTokenType.StartArray);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                throw new FormatException($"'{field}' may hold only integers from 0 to 2^63 − 1");
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        reader.Read();
        if (reader.TokenType != type)
            throw new FormatException($"found a JSON {reader.TokenType} where {type} belongs, at byte {reader.TokenStartIndex} of the header");
    }
}
