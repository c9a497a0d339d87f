using System.Buffers.Binary;
using System.Text;
using Specializer.Tasks.Safetensors;

namespace Specializer.Tasks.Tests;

public class SafetensorsHeaderTests
{
    [Fact]
    public void A_valid_header_is_read()
    {
        IReadOnlyList<StoredTensor> tensors = Read("""{"__metadata__":{"format":"pt"},"b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}   """, 11);

        Assert.Equal([new("b", "I8", new([3]), 8, 11), new("a", "F32", new([2, 1]), 0, 8), new("e", "F32", new([0]), 8, 8)], tensors);
    }

    [Theory]
    [InlineData("", 0, "'{'")]
    [InlineData(" {}", 0, "'{'")]
    [InlineData("{", 0, "not JSON")]
    [InlineData("""{"a":1,"a":1}""", 0, "not JSON")]
    [InlineData("""{"__metadata__":{"x":1}}""", 0, "__metadata__")]
    [InlineData("""{"a":1}""", 0, "nothing else")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1]}}""", 1, "nothing else")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1],"x":1}}""", 1, "nothing else")]
    [InlineData("""{"a":{"dtype":"I9","shape":[1],"data_offsets":[0,1]}}""", 1, "'I9'")]
    [InlineData("""{"a":{"dtype":"I8","shape":[-1],"data_offsets":[0,1]}}""", 1, "whole number")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1.0],"data_offsets":[0,1]}}""", 1, "whole number")]
    [InlineData("""{"a":{"dtype":"I8","shape":["1"],"data_offsets":[0,1]}}""", 1, "whole number")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[0]}}""", 1, "data_offsets")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[1,0]}}""", 1, "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}""", 1, "contradict")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "too large")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}}""", 2, "holes")]
    [InlineData("""{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}}""", 3, "overlap")]
    [InlineData("""{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}""", 1, "cover 2 bytes, the file holds 1")]
    [InlineData("""{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}""", 3, "cover 2 bytes, the file holds 3")]
    public void An_invalid_header_is_refused(string header, long dataBytes, string expected)
    {
        var exception = Assert.Throws<InvalidDataException>(() => Read(header, dataBytes));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_that_is_not_UTF8_is_refused() =>
        Assert.Throws<InvalidDataException>(() => SafetensorsHeader.Read([(byte)'{', 0xFF, (byte)'}'], 0));

    [Theory]
    [InlineData(7, 0)]
    [InlineData(8, 1)]
    [InlineData(100, 93)]
    [InlineData(long.MaxValue, 100_000_001)]
    [InlineData(100, -1)]
    public void A_length_that_cannot_be_is_refused(long fileBytes, long claimed)
    {
        var first = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(first, claimed);

        Assert.Throws<InvalidDataException>(() => SafetensorsHeader.Length(first, fileBytes));
    }

    [Fact]
    public void The_longest_header_that_fits_is_accepted() => Assert.Equal(92, SafetensorsHeader.Length([92, 0, 0, 0, 0, 0, 0, 0], 100));

    private static IReadOnlyList<StoredTensor> Read(string header, long dataBytes) => SafetensorsHeader.Read(Encoding.UTF8.GetBytes(header), dataBytes);
}
