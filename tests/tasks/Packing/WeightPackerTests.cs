using System.Buffers.Binary;
using System.Text;
using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Tasks.Tests.Packing;

public class WeightPackerTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 3)]
    [InlineData(4, 16, 3)]
    [InlineData(5, 17, 3)]
    [InlineData(7, 33, 5)]
    [InlineData(64, 48, 1)]
    public void Integer_convolutions_read_back(int inputs, int outputs, int kernelSize)
    {
        foreach (int bits in new[] { 4, 8 })
        {
            Network network = TestNetworks.Convolution(inputs, outputs, kernelSize, bits);
            var tensors = TestNetworks.Weights(network, 2);
            byte[] packed = TestNetworks.Pack(network, 2, tensors);
            var blob = new PackedBlob(packed);
            int taps = kernelSize * kernelSize, row = taps * inputs;

            int[,,] values = blob.Integers(outputs, taps, inputs, bits);
            var sums = new int[outputs];
            for (int o = 0; o < outputs; o++)
                for (int k = 0; k < row; k++)
                {
                    int expected = bits == 8
                        ? (sbyte)tensors["conv.weight"][o * row + k]
                        : SignExtend(tensors["conv.weight"][o * ((row + 1) / 2) + k / 2] >> 4 * (k % 2));
                    sums[o] += expected;
                    Assert.Equal(expected, values[o, k / inputs, k % inputs]);
                }

            Assert.Equal(TestNetworks.Floats(tensors["conv.scale"]), blob.PaddedFloats(outputs));
            Assert.Equal(TestNetworks.Floats(tensors["conv.bias"]), blob.PaddedFloats(outputs));
            Assert.Equal(sums, blob.PaddedSums(outputs));
            Assert.Equal(packed.Length, blob.Position);
            Assert.Equal(packed.Length, new WeightLayout(network, 2).TotalBytes);
        }

        static int SignExtend(int nibble) => (nibble & 15) < 8 ? nibble & 15 : (nibble & 15) - 16;
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 17, 3)]
    [InlineData(5, 32, 1)]
    public void Float_convolutions_read_back(int inputs, int outputs, int kernelSize)
    {
        Network network = TestNetworks.Convolution(inputs, outputs, kernelSize, 32);
        var tensors = TestNetworks.Weights(network, 1);
        byte[] packed = TestNetworks.Pack(network, 1, tensors);
        var blob = new PackedBlob(packed);
        int taps = kernelSize * kernelSize, row = taps * inputs;

        float[,,] values = blob.FloatPanels(outputs, taps, inputs);
        for (int o = 0; o < outputs; o++)
            for (int k = 0; k < row; k++)
                Assert.Equal(TestNetworks.Float(tensors["conv.weight"], o * row + k), values[o, k / inputs, k % inputs]);
        Assert.Equal(TestNetworks.Floats(tensors["conv.bias"]), blob.PaddedFloats(outputs));
        Assert.Equal(packed.Length, blob.Position);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 17, 3)]
    [InlineData(5, 32, 1)]
    public void Convolutions_in_fp16_read_back(int inputs, int outputs, int kernelSize)
    {
        Network network = TestNetworks.Convolution(inputs, outputs, kernelSize, 16);
        var tensors = TestNetworks.Weights(network, 1);
        byte[] packed = TestNetworks.Pack(network, 1, tensors);
        var blob = new PackedBlob(packed);
        int taps = kernelSize * kernelSize, row = taps * inputs;

        Half[,,] values = blob.HalfPanels(outputs, taps, inputs);
        for (int o = 0; o < outputs; o++)
            for (int k = 0; k < row; k++)
                Assert.Equal(BinaryPrimitives.ReadHalfLittleEndian(tensors["conv.weight"].AsSpan(2 * (o * row + k))), values[o, k / inputs, k % inputs]);
        Assert.Equal(TestNetworks.Floats(tensors["conv.bias"]), blob.PaddedFloats(outputs));
        Assert.Equal(packed.Length, blob.Position);
        Assert.Equal(packed.Length, new WeightLayout(network, 1).TotalBytes);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void Tables_read_back(int bits)
    {
        Network network = TestNetworks.Lookup(7, 3, bits);
        var tensors = TestNetworks.Weights(network, 1);
        byte[] packed = TestNetworks.Pack(network, 1, tensors);
        var blob = new PackedBlob(packed);

        Assert.Equal(tensors["words.table"], blob.Bytes(7 * 3 * bits / 8));
        Assert.Equal(TestNetworks.Floats(tensors["words.position"]), blob.Floats(5 * 3));
        Assert.Equal(packed.Length, blob.Position);
        Assert.Equal(packed.Length, new WeightLayout(network, 1).TotalBytes);
    }

    /// <summary>Otherwise a blob of one could be taken for the other's.</summary>
    [Fact]
    public void What_numbers_are_stored_in_is_part_of_the_key() => Assert.Equal(4, new[] { 16, 32 }
        .SelectMany(bits => new[] { TestNetworks.Convolution(4, 4, 3, bits), TestNetworks.Lookup(4, 4, bits) }).Select(n => new WeightKey(n, 1, TestNetworks.WeightsSha256).ResourceName).Distinct().Count());

    [Theory]
    [InlineData(8, 0)]
    [InlineData(5, 12)]
    [InlineData(17, 3)]
    public void Group_norms_read_back(int channels, int skipChannels)
    {
        Network network = TestNetworks.GroupNorm(channels, skipChannels);
        var tensors = TestNetworks.Weights(network, 1);
        byte[] packed = TestNetworks.Pack(network, 1, tensors);
        var blob = new PackedBlob(packed);

        Assert.Equal(TestNetworks.Floats(tensors["norm.weight"]), blob.Floats(channels + skipChannels));
        Assert.Equal(TestNetworks.Floats(tensors["norm.bias"]), blob.Floats(channels + skipChannels));
        Assert.Equal(packed.Length, blob.Position);
    }

    [Fact]
    public void Class_conditional_embeddings_read_back()
    {
        const int steps = 3, width = 10, classes = 11, vectors = 19;
        Network network = TestNetworks.Embedding(width, classes, vectors);
        var tensors = TestNetworks.Weights(network, steps);
        byte[] packed = TestNetworks.Pack(network, steps, tensors);
        var blob = new PackedBlob(packed);

        Assert.Equal(TestNetworks.Floats(tensors["embedding.time"]), blob.Floats(steps * width));
        Assert.Equal(TestNetworks.Floats(tensors["embedding.label"]), blob.Floats(classes * width));
        float[,,] projection = blob.FloatPanels(vectors, 1, width);
        for (int v = 0; v < vectors; v++)
            for (int e = 0; e < width; e++)
                Assert.Equal(TestNetworks.Float(tensors["embedding.weight"], v * width + e), projection[v, 0, e]);
        Assert.Equal(TestNetworks.Floats(tensors["embedding.bias"]), blob.PaddedFloats(vectors));
        Assert.Equal(packed.Length, blob.Position);
    }

    [Fact]
    public void Unconditional_embeddings_read_back()
    {
        Network network = TestNetworks.Embedding(0, 0, 7);
        var tensors = TestNetworks.Weights(network, 5);
        byte[] packed = TestNetworks.Pack(network, 5, tensors);
        var blob = new PackedBlob(packed);

        Assert.Equal(TestNetworks.Floats(tensors["embedding.vectors"]), blob.Floats(35));
        Assert.Equal(packed.Length, blob.Position);
    }

    [Fact]
    public void The_header_names_layout_length_and_key()
    {
        Network network = TestNetworks.Convolution(3, 5, 3, 8);
        byte[] packed = TestNetworks.Pack(network, 2, TestNetworks.Weights(network, 2));

        Assert.Equal("SPZWGT01", Encoding.ASCII.GetString(packed, 0, 8));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(packed.AsSpan(8)));
        Assert.Equal(packed.LongLength, BinaryPrimitives.ReadInt64LittleEndian(packed.AsSpan(16)));
        Assert.Equal(new WeightKey(network, 2, TestNetworks.WeightsSha256).Bytes, packed[32..64]);
        Assert.All([.. packed[12..16], .. packed[24..32], .. packed[64..128]], b => Assert.Equal(0, b));
    }

    [Theory]
    [InlineData(8, "conv.weight", 19, 0x80, "-128 at [2, 1]")]
    [InlineData(4, "conv.weight", 6, 0x80, "-8 at [1, 3]")]
    [InlineData(4, "conv.weight", 4, 0x18, "-8 at [0, 8]")]
    [InlineData(4, "conv.weight", 4, 0x10, "unused half of the last byte of output channel 0")]
    [InlineData(8, "conv.scale", 7, 0x80, "scale at element 1")]
    [InlineData(4, "conv.bias", 11, 0x7F, "NaN or infinity at element 2")]
    [InlineData(32, "conv.weight", 3, 0xFF, "NaN or infinity at element 0")]
    [InlineData(16, "conv.weight", 5, 0x7C, "NaN or infinity at element 2")]
    [InlineData(16, "conv.weight", 3, 0xFF, "NaN or infinity at element 1")]
    public void A_bad_element_is_named(int bits, string tensor, int at, byte value, string expected)
    {
        Network network = TestNetworks.Convolution(1, 3, 3, bits);
        var tensors = TestNetworks.Weights(network, 1);
        tensors[tensor][at] = value;
        // NaN and infinity need the top bit of the byte below as well.
        if (value is 0x7F or 0xFF) tensors[tensor][at - 1] |= 0x80;

        var exception = Assert.Throws<WeightsException>(() => TestNetworks.Pack(network, 1, tensors));

        Assert.Contains($"'{tensor}'", exception.Message, StringComparison.Ordinal);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_zero_scale_is_an_error()
    {
        Network network = TestNetworks.Convolution(1, 3, 3, 8);
        var tensors = TestNetworks.Weights(network, 1);
        tensors["conv.scale"].AsSpan(8, 4).Clear();

        var exception = Assert.Throws<WeightsException>(() => TestNetworks.Pack(network, 1, tensors));

        Assert.Contains("element 2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_of_another_length_is_an_error()
    {
        Network network = TestNetworks.Convolution(1, 3, 3, 8);
        var tensors = TestNetworks.Weights(network, 1);
        tensors["conv.bias"] = new byte[8];

        var exception = Assert.Throws<WeightsException>(() => TestNetworks.Pack(network, 1, tensors));

        Assert.Contains("'conv.bias' has 8 bytes, 12 are expected", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_claims_on_one_tensor_are_an_error()
    {
        Network network = TestNetworks.Embedding(4, 2, 8) with
        {
            Operations = new([new GroupNormOperation("embedding", "latent", "latent", null, null, 1, new("1e-5"), false)]),
        };

        var exception = Assert.Throws<WeightsException>(() => WeightTensors.Of(network, 1));

        Assert.Contains("'embedding.weight'", exception.Message, StringComparison.Ordinal);
    }
}
