using System.Buffers.Binary;
using System.Text;

namespace Specializer.Calibration.Export;

/// <summary>A message of Google's Protocol Buffers under construction: fields in the order in which they are added.
/// Embedded messages and blobs are kept as references, so that a model of a gigabyte is written without another copy of it.</summary>
/// <remarks>Wire format: each field is a varint tag (number·8 + wire type) and a payload: a varint (0), 4 bytes (5), or a varint length and that many bytes (2).</remarks>
internal sealed class ProtobufMessage
{
    private const int Varint = 0, Delimited = 2, Fixed32 = 5;

    private readonly List<ReadOnlyMemory<byte>> _segments = [];
    private readonly List<byte> _open = [];
    private long _closedLength;

    /// <summary>Bytes that <see cref="WriteTo"/> writes.</summary>
    public long Length => _closedLength + _open.Count;

    public ProtobufMessage Add(int field, long value)
    {
        AddVarint((ulong)(field << 3 | Varint));
        AddVarint((ulong)value);
        return this;
    }

    public ProtobufMessage Add(int field, float value)
    {
        AddVarint((ulong)(field << 3 | Fixed32));
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _open.AddRange(bytes);
        return this;
    }

    public ProtobufMessage Add(int field, string value) => Add(field, Encoding.UTF8.GetBytes(value));

    public ProtobufMessage Add(int field, ReadOnlyMemory<byte> value)
    {
        AddDelimiter(field, value.Length);
        Append(value);
        return this;
    }

    public ProtobufMessage Add(int field, ProtobufMessage value)
    {
        AddDelimiter(field, value.Length);
        value.Close();
        foreach (ReadOnlyMemory<byte> segment in value._segments) Append(segment);
        return this;
    }

    public void WriteTo(Stream output)
    {
        Close();
        foreach (ReadOnlyMemory<byte> segment in _segments) output.Write(segment.Span);
    }

    private void AddDelimiter(int field, long length)
    {
        AddVarint((ulong)(field << 3 | Delimited));
        AddVarint((ulong)length);
    }

    // Seven bits a byte, least significant first; the top bit says that more follow.
    private void AddVarint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _open.Add((byte)(value | 0x80));
        _open.Add((byte)value);
    }

    private void Append(ReadOnlyMemory<byte> bytes)
    {
        const int worthCopying = 256;
        if (bytes.Length < worthCopying)
        {
            _open.AddRange(bytes.Span);
            return;
        }

        Close();
        _segments.Add(bytes);
        _closedLength += bytes.Length;
    }

    private void Close()
    {
        if (_open.Count == 0) return;
        _segments.Add(_open.ToArray());
        _closedLength += _open.Count;
        _open.Clear();
    }
}
