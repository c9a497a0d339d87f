using System.Text;
using Specializer.Calibration.Export;

namespace Specializer.Calibration.Tests.Export;

public class ProtobufMessageTests
{
    private static byte[] Bytes(ProtobufMessage message)
    {
        var stream = new MemoryStream();
        message.WriteTo(stream);
        Assert.Equal(stream.Length, message.Length);
        return stream.ToArray();
    }

    // The examples of the format's own description.
    [Fact]
    public void Varints_strings_and_messages_have_the_documented_bytes()
    {
        Assert.Equal([0x08, 0x96, 0x01], Bytes(new ProtobufMessage().Add(1, 150)));
        Assert.Equal([0x12, 0x07, .. "testing"u8], Bytes(new ProtobufMessage().Add(2, "testing")));
        Assert.Equal([0x1a, 0x03, 0x08, 0x96, 0x01], Bytes(new ProtobufMessage().Add(3, new ProtobufMessage().Add(1, 150))));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Integers_read_back(long value) => Assert.Equal(value, new ProtobufReader(Bytes(new ProtobufMessage().Add(20, value))).Integer(20));

    [Fact]
    public void Nested_messages_with_large_blobs_read_back_in_order()
    {
        byte[] blob = new byte[100_000];
        new Random(1).NextBytes(blob);
        ProtobufMessage inner = new ProtobufMessage().Add(1, "before").Add(9, blob).Add(2, 0.5f);
        ProtobufMessage outer = new ProtobufMessage().Add(1, inner).Add(1, new ProtobufMessage().Add(1, "second")).Add(7, 3);

        var read = new ProtobufReader(Bytes(outer));
        ProtobufReader[] messages = read.Messages(1);
        Assert.Equal(["before", "second"], messages.Select(m => m.Text(1)));
        Assert.Equal(blob, messages[0].Bytes(9).ToArray());
        Assert.Equal(0.5f, messages[0].Single(2));
        Assert.Equal(3, read.Integer(7));
        Assert.Equal("ä€", new ProtobufReader(Bytes(new ProtobufMessage().Add(4, Encoding.UTF8.GetBytes("ä€")))).Text(4));
    }
}
