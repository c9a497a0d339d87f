using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

public class QuantizedNetworkTests
{
    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void EveryConvolutionReadsItsWidthAndTheOuterOnesKeepEightBits(int bits)
    {
        QuantizedNetwork quantized = QuantizedNetwork.Of(Model.Network, bits, []);
        var maps = quantized.Network.Maps.ToDictionary(m => m.Name);
        foreach (ConvolutionOperation c in quantized.Network.Operations.OfType<ConvolutionOperation>())
        {
            Assert.Equal(c.Name is "conv_in" or "conv_out" ? 8 : bits, c.WeightBits);
            Assert.Equal(c.WeightBits == 4 ? MapType.Quantized8 : MapType.Quantized16, maps[c.Input].Type);
        }

        // Nothing but convolutions reads integers, and every source is an FP32 map of the original.
        foreach (Operation o in quantized.Network.Operations.Where(o => o is not ConvolutionOperation))
            Assert.All(o.Inputs(), input => Assert.False(maps[input].IsQuantized));
        Assert.All(quantized.Sources, s => Assert.Contains(Model.Network.Maps, m => m.Name == s.Map));
        Assert.Equal(quantized.Network.Maps.Count(m => m.IsQuantized), quantized.Sources.Count);
        Assert.Equal(quantized.Network.Maps.Where(m => m.IsQuantized).Select(m => m.Type == MapType.Quantized16), quantized.Widened);
    }

    [Fact]
    public void NormsQuantizeInTheirOwnPassAndHalvesOfAConcatenationApart()
    {
        Network network = QuantizedNetwork.Of(Model.Network, 4, []).Network;
        var maps = network.Maps.ToDictionary(m => m.Name);
        GroupNormOperation norm = network.Operations.OfType<GroupNormOperation>().First(o => o.Skip is not null);
        Assert.Equal((MapType.Quantized8, MapType.Quantized8), (maps[norm.Output].Type, maps[norm.SkipOutput!].Type));
        Assert.NotEqual(norm.Output, norm.SkipOutput);
        // Every separate quantization is of a map that something else needs in FP32, or that no norm writes.
        Assert.NotEmpty(network.Operations.OfType<QuantizeOperation>());
        Assert.All(network.Operations.OfType<QuantizeOperation>(), q => Assert.DoesNotContain(network.Operations.OfType<GroupNormOperation>(), n => n.Outputs().Contains(q.Input)));
    }

    [Fact]
    public void AttentionQuantizesItsOwnFactorsWhenAskedTo()
    {
        QuantizedNetwork none = QuantizedNetwork.Of(Model.Network, 4, []), quantized = QuantizedNetwork.Of(Model.Network, 4, [], 8);
        AttentionOperation[] attentions = [.. quantized.Network.Operations.OfType<AttentionOperation>()];
        Assert.NotEmpty(attentions);
        Assert.All(attentions, a => Assert.Equal(8, a.ProductBits));
        var slots = new QuantizationSlots(quantized.Network);
        Assert.Equal(none.Sources, quantized.Sources.Take(none.Sources.Count));
        Assert.Equal(slots.Count, quantized.Sources.Count);
        Assert.Equal(slots.Count, quantized.Widened.Count);
        int channels = quantized.Network.Maps.Single(m => m.Name == attentions[0].Output).Channels, query = slots.First(attentions[0]);
        for (int part = 0; part < 3; part++)
        {
            Assert.True(quantized.Widened[query + part]);
            Assert.Equal(new ActivationSource(attentions[0].Input, (part * channels)..((part + 1) * channels)), quantized.Sources[query + part]);
        }

        Assert.Equal(-1, new QuantizationSlots(none.Network).First(none.Network.Operations.OfType<AttentionOperation>().First()));
    }

    [Fact]
    public void SomeChannelsOfAMapAreTakenPixelByPixel()
    {
        float[] map = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        Assert.Equal([2, 3, 8, 9], new ActivationSource("qkv", 2..4).Of(map, 6).ToArray());
        Assert.Equal(map, new ActivationSource("qkv").Of(map, 6).ToArray());
    }

    [Fact]
    public void SkippedConvolutionsStayAsTheyAre()
    {
        const string name = "mid_block.resnets.0.conv1";
        QuantizedNetwork quantized = QuantizedNetwork.Of(Model.Network, 4, [name]);
        Assert.Equal(Model.Network.Operations.Single(o => o.Name == name), quantized.Network.Operations.Single(o => o.Name == name));
        Assert.All(quantized.Network.Operations.OfType<ConvolutionOperation>().Where(o => o.Name != name), o => Assert.NotEqual(32, o.WeightBits));
    }
}
