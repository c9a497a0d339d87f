using System.Text;
using Specializer.Calibration.Export;
using Specializer.Calibration.Tests.Export;

namespace Specializer.Fuzz;

/// <summary>Writes messages of any fields with the writer of ONNX files, and reads them back with a reader that shares nothing with it.</summary>
internal sealed class OnnxTarget : FuzzTarget
{
    private const int MostDepth = 8;

    // Blobs are pieces of it.
    private static readonly byte[] s_bytes = [.. Enumerable.Range(0, ushort.MaxValue + byte.MaxValue).Select(i => (byte)(i ^ i >> 8))];

    private readonly MemoryStream _written = new();

    public override string Name => "onnx";

    /// <summary>Fields: a kind, a number, what the kind takes.</summary>
    public override IEnumerable<byte[]> Seeds => [[0, 1, 150, 1, 0, 0, 0, 0, 0, 0], [1, 2, 0, 0, 0, 63], [2, 3, 2, 65, 66], [3, 4, 10, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255], [4, 9, 255, 2]];

    public override string Read(byte[] input)
    {
        var written = new List<(int Field, object Value)>();
        ReadOnlyMemory<byte> rest = input;
        ProtobufMessage message = Write(ref rest, written, 0);
        _written.SetLength(0);
        message.WriteTo(_written);
        if (_written.Length != message.Length) throw new InvalidOperationException($"{_written.Length} bytes were written, {message.Length} announced.");
        Compare(written, _written.GetBuffer().AsMemory(0, (int)_written.Length));
        return $"{written.Count} fields";
    }

    private static ProtobufMessage Write(ref ReadOnlyMemory<byte> input, List<(int, object)> written, int depth)
    {
        var message = new ProtobufMessage();
        while (input.Length >= 10)
        {
            ReadOnlySpan<byte> at = input.Span;
            int field = at[1] % 40 + 1, length;
            switch (at[0] % 5)
            {
                case 0:
                    long integer = BitConverter.ToInt64(at[2..10]);
                    message.Add(field, integer);
                    written.Add((field, integer));
                    input = input[10..];
                    break;
                case 1:
                    float single = BitConverter.ToSingle(at[2..6]);
                    message.Add(field, single);
                    written.Add((field, BitConverter.SingleToInt32Bits(single)));
                    input = input[6..];
                    break;
                case 2:
                    length = Math.Min(at[2], input.Length - 3);
                    string text = Encoding.Latin1.GetString(at.Slice(3, length));
                    message.Add(field, text);
                    written.Add((field, (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text)));
                    input = input[(3 + length)..];
                    break;
                case 3 when depth < MostDepth:
                    length = Math.Min(at[2], input.Length - 3);
                    ReadOnlyMemory<byte> within = input.Slice(3, length);
                    var inner = new List<(int, object)>();
                    message.Add(field, Write(ref within, inner, depth + 1));
                    written.Add((field, inner));
                    input = input[(3 + length)..];
                    break;
                default:
                    // Long enough to be kept by reference.
                    ReadOnlyMemory<byte> blob = s_bytes.AsMemory(at[4], at[2] | at[3] << 8);
                    message.Add(field, blob);
                    written.Add((field, blob));
                    input = input[5..];
                    break;
            }
        }

        return message;
    }

    private static void Compare(List<(int Field, object Value)> written, ReadOnlyMemory<byte> bytes)
    {
        (int Field, object Value)[] read = [.. ProtobufReader.Fields(bytes)];
        if (read.Length != written.Count) throw new InvalidOperationException($"{written.Count} fields were written, {read.Length} are read.");
        foreach (var (w, r) in written.Zip(read))
        {
            bool same = w.Field == r.Field && w.Value switch
            {
                long integer => r.Value is long l && l == integer,
                int bits => r.Value is float f && BitConverter.SingleToInt32Bits(f) == bits,
                ReadOnlyMemory<byte> blob => r.Value is ReadOnlyMemory<byte> m && m.Span.SequenceEqual(blob.Span),
                _ => r.Value is ReadOnlyMemory<byte>,
            };
            if (!same) throw new InvalidOperationException($"Field {w.Field} reads back as another.");
            if (w.Value is List<(int, object)> inner) Compare(inner, (ReadOnlyMemory<byte>)r.Value);
        }
    }
}
