using System.Buffers.Binary;
using System.Text;

namespace Specializer.Calibration.Tests.Export;

/// <summary>Reads any Protocol Buffers message into its fields, independently of the writer under test.</summary>
internal sealed class ProtobufReader
{
    private readonly ILookup<int, object> _fields;

    public ProtobufReader(ReadOnlyMemory<byte> bytes) => _fields = Fields(bytes).ToLookup(f => f.Field, f => f.Value);

    /// <summary>The fields in their order: integers, FP32 numbers, bytes.</summary>
    public static IEnumerable<(int Field, object Value)> Fields(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            ulong tag = Varint(ref bytes);
            int field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    yield return (field, (long)Varint(ref bytes));
                    break;
                case 2:
                    int length = (int)Varint(ref bytes);
                    yield return (field, bytes[..length]);
                    bytes = bytes[length..];
                    break;
                case 5:
                    yield return (field, BinaryPrimitives.ReadSingleLittleEndian(bytes.Span));
                    bytes = bytes[4..];
                    break;
                default:
                    throw new InvalidDataException($"Wire type {tag & 7} of field {field}.");
            }
        }
    }

    public long[] Integers(int field) => [.. _fields[field].Cast<long>()];

    public long Integer(int field) => (long)_fields[field].Single();

    public float Single(int field) => (float)_fields[field].Single();

    public ReadOnlyMemory<byte> Bytes(int field) => (ReadOnlyMemory<byte>)_fields[field].Single();

    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field).Span);

    public string[] Texts(int field) => [.. _fields[field].Select(v => Encoding.UTF8.GetString(((ReadOnlyMemory<byte>)v).Span))];

    public ProtobufReader Message(int field) => new(Bytes(field));

    public ProtobufReader[] Messages(int field) => [.. _fields[field].Select(v => new ProtobufReader((ReadOnlyMemory<byte>)v))];

    private static ulong Varint(ref ReadOnlyMemory<byte> bytes)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes.Span[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
    }
}
