using System.Text;
using Specializer.Manifest;

namespace Specializer.Formats;

/// <summary>The header of a safetensors file: a pure function from its bytes to checked entries. Every reader of the format uses this one.</summary>
/// <remarks>Accepts what the reference implementation (safetensors, Rust) accepts, except that duplicate keys and more than <see cref="MaximumTensors"/> tensors or <see cref="MaximumMetadata"/> strings are refused.</remarks>
internal sealed class SafetensorsHeader
{
    /// <summary>Bytes in front of the header, which hold its length.</summary>
    public const int PrefixBytes = 8;

    /// <summary>Bytes of a header: the reference implementation's bound.</summary>
    public const long MaximumLength = 100_000_000;

    /// <summary>Tensors of one file: many times as many as the largest models have.</summary>
    public const int MaximumTensors = 65_536;

    /// <summary>Strings under <see cref="MetadataKey"/>.</summary>
    public const int MaximumMetadata = 65_536;

    public const string MetadataKey = "__metadata__";

    private const int MaximumDimensions = 64;

    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);
    private Dictionary<string, string>? _metadata;
    private string? _tensor;

    private SafetensorsHeader()
    {
    }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>The strings under <see cref="MetadataKey"/>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata ?? [];

    /// <summary>Length of the header, from the file's first <see cref="PrefixBytes"/> bytes.</summary>
    /// <param name="prefix">As many of them as the file has.</param>
    /// <param name="fileBytes">Bytes of the file.</param>
    /// <exception cref="SafetensorsHeaderException">The file cannot hold such a header.</exception>
    public static int Length(byte[] prefix, long fileBytes)
    {
        if (fileBytes < PrefixBytes) throw new SafetensorsHeaderException(null, $"has {fileBytes} bytes, too few for a safetensors file");
        ulong length = 0;
        for (int i = PrefixBytes - 1; i >= 0; i--) length = length << 8 | prefix[i];
        if (length > MaximumLength)
            throw new SafetensorsHeaderException(null, $"announces a header of {length} bytes, more than the {MaximumLength} allowed: this is no safetensors file");
        if ((long)length > fileBytes - PrefixBytes)
            throw new SafetensorsHeaderException(null, $"announces a header of {length} bytes, but has only {fileBytes} in all");
        return (int)length;
    }

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">Its bytes, without the length in front.</param>
    /// <param name="dataBytes">Bytes that follow it in the file.</param>
    /// <exception cref="SafetensorsHeaderException">Anything that the reference implementation refuses.</exception>
    public static SafetensorsHeader Read(byte[] json, long dataBytes)
    {
        if (json.Length == 0 || json[0] != '{')
            throw new SafetensorsHeaderException(null, "the header does not start with '{': this is no safetensors file");
        var header = new SafetensorsHeader();
        try
        {
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetCharCount(json);
            header.Read(new Utf8Scanner(json));
        }
        catch (DecoderFallbackException)
        {
            throw new SafetensorsHeaderException(null, "the header is not valid UTF-8");
        }
        catch (FormatException e)
        {
            throw new SafetensorsHeaderException(header._tensor, e.Message);
        }

        header.CheckOffsets(dataBytes);
        return header;
    }

    /// <summary>Bytes of a tensor, or null when a 64-bit number cannot hold them.</summary>
    public static long? ByteLength(long[] shape, DType type)
    {
        try
        {
            return shape.Aggregate((long)type.Size(), (product, extent) => checked(product * extent));
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private void Read(Utf8Scanner json)
    {
        json.Object(name =>
        {
            _tensor = name;
            if (name == MetadataKey)
            {
                if (_metadata is not null) throw new FormatException("occurs twice");
                _metadata = ReadMetadata(json);
            }
            else
            {
                if (_entries.Count == MaximumTensors) throw new FormatException($"is one more than the {MaximumTensors} tensors that a file may hold");
                if (_entries.ContainsKey(name)) throw new FormatException("occurs twice");
                _entries.Add(name, ReadEntry(json, name));
            }

            _tensor = null;
        });
        if (!json.AtEnd) throw new FormatException("the header is not valid JSON: it goes on after its end");
    }

    private static Dictionary<string, string> ReadMetadata(Utf8Scanner json)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        if (json.TryTakeNull()) return metadata;
        json.Object(key =>
        {
            if (metadata.Count == MaximumMetadata) throw new FormatException($"holds more than the {MaximumMetadata} strings that a file may hold");
            string text = json.Text();
            if (metadata.ContainsKey(key)) throw new FormatException($"key {MessageText.Quote(key)} occurs twice");
            metadata.Add(key, text);
        });
        return metadata;
    }

    private static SafetensorsEntry ReadEntry(Utf8Scanner json, string name)
    {
        (string? typeName, long[]? shape, long[]? offsets) = (null, null, null);
        json.Object(field =>
        {
            switch (field)
            {
                case "dtype" when typeName is null:
                    typeName = json.Text();
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(json, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(json, field);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw new FormatException($"'{field}' occurs twice");
                default:
                    json.Skip();
                    break;
            }
        });
        if (typeName is null || shape is null || offsets is null)
            throw new FormatException("needs 'dtype', 'shape' and 'data_offsets'");
        DType type = DTypes.Find(typeName) ?? throw new FormatException($"unknown dtype {MessageText.Quote(typeName)}");
        if (offsets.Length != 2)
            throw new FormatException($"'data_offsets' holds {offsets.Length} numbers instead of 2");
        if (offsets[1] < offsets[0])
            throw new FormatException($"ends at {offsets[1]}, before its begin {offsets[0]}");

        long length = ByteLength(shape, type) ?? throw new FormatException($"shape [{string.Join(", ", shape)}] is too large");
        if (length != offsets[1] - offsets[0])
            throw new FormatException($"shape [{string.Join(", ", shape)}] of {typeName} takes {length} bytes, but its offsets span {offsets[1] - offsets[0]}");
        return new(name, type, shape, offsets[0], length);
    }

    private static long[] ReadNumbers(Utf8Scanner json, string field)
    {
        var numbers = new List<long>();
        json.Array(() =>
        {
            if (numbers.Count == MaximumDimensions) throw new FormatException($"'{field}' holds more than {MaximumDimensions} numbers");
            numbers.Add(json.WholeNumber() ?? throw new FormatException($"'{field}' may hold only integers from 0 to 2^63 − 1"));
        });
        return [.. numbers];
    }

    private void CheckOffsets(long dataBytes)
    {
        long end = 0;
        foreach (SafetensorsEntry entry in _entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.Length))
        {
            if (entry.Offset != end)
                throw new SafetensorsHeaderException(entry.Name, $"begins at byte {entry.Offset} of the data, but the tensors before it end at {end}: no gaps or overlaps are allowed");
            end = entry.Offset + entry.Length;
        }

        if (end != dataBytes)
            throw new SafetensorsHeaderException(null, $"holds {dataBytes} bytes of data, but its tensors take {end}: the file is truncated or damaged; copy or download it again");
    }
}

/// <summary>A header is not valid.</summary>
/// <param name="tensor">The tensor concerned, or null.</param>
/// <param name="cause">What is wrong.</param>
internal sealed class SafetensorsHeaderException(string? tensor, string cause) : Exception(MessageText.Harmless(cause))
{
    /// <summary>The tensor concerned, or null.</summary>
    public string? Tensor => tensor;
}
