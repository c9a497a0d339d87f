using System.Globalization;
using System.Text;
using Specializer.Manifest;

namespace Specializer.Tasks.Safetensors;

/// <summary>One tensor of a safetensors file; offsets count from the first byte after the header.</summary>
internal sealed record StoredTensor(string Name, string Type, EquatableArray<long> Shape, long Start, long End);

/// <summary>Reads a safetensors header as strictly as the reference implementation: sizes and offsets must agree, and the tensors
/// must cover the data without holes or overlaps.</summary>
internal static class SafetensorsHeader
{
    public const int LengthBytes = 8;

    private const long MaximumBytes = 100_000_000;

    // Bytes an element; other types cannot stand in a weights file, so their tensors are never asked for.
    private static readonly Dictionary<string, int> s_types = new(StringComparer.Ordinal) { ["F32"] = 4, ["I8"] = 1, ["U8"] = 1 };

    /// <summary>Length of the JSON text, from the file's first eight bytes.</summary>
    /// <exception cref="InvalidDataException">The file cannot hold such a header.</exception>
    public static int Length(byte[] first, long fileBytes)
    {
        if (fileBytes < LengthBytes) throw new InvalidDataException($"it has {fileBytes} bytes, too few for a header");
        ulong length = BitConverter.IsLittleEndian ? BitConverter.ToUInt64(first, 0) : BitConverter.ToUInt64([.. first.Take(LengthBytes).Reverse()], 0);
        if (length > MaximumBytes) throw new InvalidDataException($"its header claims {length} bytes; at most {MaximumBytes} are possible");
        if ((long)length > fileBytes - LengthBytes) throw new InvalidDataException($"its header claims {length} bytes, the file has {fileBytes}");
        return (int)length;
    }

    /// <param name="header">The JSON text, without the eight bytes of its length.</param>
    /// <param name="dataBytes">Bytes after the header.</param>
    /// <exception cref="InvalidDataException">The header is not valid; the message says what is wrong.</exception>
    public static IReadOnlyList<StoredTensor> Read(byte[] header, long dataBytes)
    {
        if (header.Length == 0 || header[0] != '{') throw new InvalidDataException("its header does not begin with '{'");
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(header);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException("its header is not UTF-8");
        }

        if (!JsonReader.Parse(text, out JsonNode? root, out JsonError? error))
            throw new InvalidDataException($"its header is not JSON at character {error!.Start}: {error.Message.TrimEnd('.')}");
        var tensors = new List<StoredTensor>();
        foreach (JsonMember member in root!.Members)
        {
            if (member.Name == "__metadata__") CheckMetadata(member.Value);
            else tensors.Add(Tensor(member.Name, member.Value));
        }

        CheckCoverage(tensors, dataBytes);
        return tensors;
    }

    private static void CheckMetadata(JsonNode node)
    {
        if (node.Kind != JsonKind.Object || node.Members.Any(m => m.Value.Kind != JsonKind.String))
            throw new InvalidDataException("its '__metadata__' is not an object of strings");
    }

    private static StoredTensor Tensor(string name, JsonNode node)
    {
        string quoted = Names.Quote(name);
        if (node.Members.Count != 3 || node["dtype"] is not { Kind: JsonKind.String } type
            || node["shape"] is not { Kind: JsonKind.Array } shape || node["data_offsets"] is not { Kind: JsonKind.Array } offsets)
            throw new InvalidDataException($"the tensor {quoted} must have 'dtype', 'shape' and 'data_offsets', and nothing else");
        if (!s_types.TryGetValue(type.Text, out int elementBytes))
            throw new InvalidDataException($"the tensor {quoted} has the type {Names.Quote(type.Text)}; weights are stored as F32, I8 or U8");
        long[] extents = Integers(quoted, shape), range = Integers(quoted, offsets);
        if (range.Length != 2 || range[0] > range[1])
            throw new InvalidDataException($"the tensor {quoted} has no valid 'data_offsets'");
        if (Bytes(quoted, extents, elementBytes) != range[1] - range[0])
            throw new InvalidDataException($"the tensor {quoted} has {range[1] - range[0]} bytes, which its shape and type contradict");
        return new(name, type.Text, new(extents), range[0], range[1]);
    }

    private static long[] Integers(string quoted, JsonNode array) =>
        [.. array.Items.Select(item =>
            item.Kind == JsonKind.Number && long.TryParse(item.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
                ? value
                : throw new InvalidDataException($"the tensor {quoted} has a shape or offset that is not a whole number"))];

    private static long Bytes(string quoted, long[] extents, int elementBytes)
    {
        try
        {
            return extents.Aggregate((long)elementBytes, (product, extent) => checked(product * extent));
        }
        catch (OverflowException)
        {
            throw new InvalidDataException($"the tensor {quoted} has a shape too large to exist");
        }
    }

    private static void CheckCoverage(List<StoredTensor> tensors, long dataBytes)
    {
        long covered = 0;
        foreach (StoredTensor tensor in tensors.OrderBy(t => t.Start).ThenBy(t => t.End))
        {
            if (tensor.Start != covered)
                throw new InvalidDataException($"the tensor {Names.Quote(tensor.Name)} starts at {tensor.Start}, where {covered} is expected: tensors may neither overlap nor leave holes");
            covered = tensor.End;
        }

        if (covered != dataBytes)
            throw new InvalidDataException($"its tensors cover {covered} bytes, the file holds {dataBytes}");
    }
}
