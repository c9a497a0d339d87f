using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

public class NetworkCostTests
{
    private static readonly Number One = new("1");

    [Fact]
    public void Counts_follow_the_stated_rule()
    {
        var network = new Network("x", "y",
            new([new("x", 4, 6, 3, MapType.Float32), new("q", 4, 6, 3, MapType.Quantized8), new("h", 2, 3, 12, MapType.Float32),
                new("a", 2, 3, 4, MapType.Float32), new("y", 4, 6, 3, MapType.Float32)]),
            new(5, 10, 7),
            new([
                new QuantizeOperation("q", "x", "q"),
                new ConvolutionOperation("c", "q", "h", null, 3, 2, 1, 1, 1, 4, -1, One),
                new AttentionOperation("t", "h", "a", 2),
                new ConvolutionOperation("u", "a", "y", null, 1, 1, 0, 0, 2, 32, -1, One),
            ]));
        long four = 2 * 3 * 12 * 3 * 9, attention = 2 * 6 * 6 * 4, full = 4 * 6 * 3 * 4, embedding = 5 * 7;
        Assert.Equal(four + attention + full + embedding, NetworkCost.MultiplyAccumulates(network));
        Assert.Equal(four * 4 * 8 + (attention + full + embedding) * 1024, NetworkCost.BitOperations(network, 8));
        Assert.Equal(
            2.0 * 1024 * (four + attention + full + embedding) / (four * 4 * (4 + 8) + 2 * 1024 * (attention + full + embedding)),
            NetworkCost.BitOperationsSaved(network, [4, 8]), 12);
    }

    /// <summary>What depends on no step, and keeps 8-bit activations at all of them, runs once for all steps.</summary>
    [Fact]
    public void What_a_call_computes_once_counts_once()
    {
        var network = new Network("x", "y",
            new([new("x", 1, 1, 4, MapType.Float32), new("context", 1, 5, 4, MapType.Quantized8), new("k", 1, 5, 8, MapType.Float32), new("a", 1, 1, 4, MapType.Float32),
                new("q", 1, 1, 4, MapType.Quantized8), new("y", 1, 1, 4, MapType.Float32)]),
            new(0, 0, 0),
            new([
                new ConvolutionOperation("to_kv", "context", "k", null, 1, 1, 0, 0, 1, 4, -1, One),
                new CrossAttentionOperation("attend", "x", "k", "a", 1, false),
                new QuantizeOperation("quantize", "a", "q"),
                new ConvolutionOperation("out", "q", "y", null, 1, 1, 0, 0, 1, 4, -1, One),
            ]))
        { Inputs = new(["context"]) };
        const long Once = 5 * 8 * 4, Attention = 2 * 5 * 4, Out = 4 * 4;
        Assert.Equal(
            1024.0 * (Once + 3 * (Attention + Out)) / (Once * 32 + 3 * 1024 * Attention + Out * (16 + 16 + 32)),
            NetworkCost.BitOperationsSaved(network, [4, 4, 8]), 12);
    }
}
