using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration.Tests;

public class HalfStorageTests
{
    private static readonly Network s_network = new(
        "latent", "epsilon",
        new([new("latent", 1, 4, 1, MapType.Float32), new("rows", 1, 4, 16, MapType.Float32), new("q", 1, 4, 16, MapType.Quantized16), new("a", 1, 4, 8, MapType.Float32), new("epsilon", 1, 4, 8, MapType.Float32)]),
        new(0, 0, 0),
        new([
            new LookupOperation("words", "latent", "rows", 3),
            new QuantizeOperation("quantize", "rows", "q"),
            new ConvolutionOperation("integers", "q", "a", null, 1, 1, 0, 0, 1, 8, -1, 1),
            new ConvolutionOperation("floats", "rows", "epsilon", "a", 1, 1, 0, 0, 1, 32, -1, 1),
        ]));

    /// <summary>Stored in FP16 where that changes no number, zeros of both signs and subnormal numbers among them, within eight that are looked at together and after them.</summary>
    [Theory]
    [InlineData(0.25f, -0f, 16, 16)]
    [InlineData(0.25f, 5.9604645e-8f, 16, 16)]
    [InlineData(0.25f, 0.1f, 32, 16)]
    [InlineData(0.25f, 65504f, 16, 16)]
    [InlineData(0.25f, 65520f, 32, 32)]
    [InlineData(0.1f, 1e-9f, 32, 16)]
    public void The_numbers_decide(float first, float second, int lossless, int rounded)
    {
        var tensors = new Dictionary<string, float[]> { ["words.table"] = [.. Enumerable.Repeat(first, 11), second, 1], ["floats.weight"] = [1, second, .. Enumerable.Repeat(0.5f, 7)] };
        var storage = new HalfStorage(tensors);
        foreach ((int bits, Network stored) in new[] { (lossless, storage.Lossless(s_network)), (rounded, storage.Rounded(s_network)) })
        {
            Assert.Equal(bits, Assert.IsType<LookupOperation>(stored.Operations[0]).TableBits);
            Assert.Equal([8, bits], stored.Operations.OfType<ConvolutionOperation>().Select(c => c.WeightBits));
            Assert.Equal(stored, HalfStorage.Like(s_network, stored));
        }
    }

    /// <summary>The tensors that a file and a blob hold.</summary>
    [Fact]
    public void Tensors_have_the_type_that_the_network_says()
    {
        var tensors = new Dictionary<string, float[]>
        {
            ["words.table"] = [.. Enumerable.Range(0, 48).Select(i => i / 64f)], ["words.position"] = new float[64], ["floats.weight"] = [.. Enumerable.Range(0, 128).Select(i => -i / 64f)], ["floats.bias"] = new float[8],
            ["integers.weight"] = new float[128], ["integers.bias"] = new float[8],
        };
        Network stored = new HalfStorage(tensors).Lossless(s_network);
        var layers = new RoundedLayers();
        layers.Round(tensors, stored.Operations.OfType<ConvolutionOperation>().First(), null, 1);
        var quantized = new QuantizedTensors(tensors, 0, stored, layers, secondOrder: false);
        foreach (WeightTensor tensor in WeightTensors.Of(stored, 0).Values) Assert.Equal(tensor.Bytes, quantized.Bytes(tensor.Name, tensor.Bytes).Length);
        Assert.Equal(WeightTensors.Of(s_network, 0).Values.Sum(t => t.Bytes) - 2 * (48 + 128), quantized.TotalBytes);
        Assert.Equal(tensors["words.table"], quantized.Bytes("words.table", 96).Chunk(2).Select(b => (float)BitConverter.ToHalf(b)));
    }
}
