using Specializer.Manifest;
using Specializer.Tests;

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

    /// <summary>A transformer block: its layer norms and its gate feed linear layers alone, so that nothing is quantized apart but what attention writes and the context.</summary>
    [SharedTheory("golden/small-sd15")]
    [InlineData(4)]
    [InlineData(8)]
    public void TransformersQuantizeInTheirNormsAndGates(int bits)
    {
        Network source = DiffusersImporter.Load(SharedData.Golden("small-sd15"), tokens: 7).Network;
        QuantizedNetwork quantized = QuantizedNetwork.Of(source, bits, [], attentionBits: 8);
        Network network = quantized.Network;
        var maps = network.Maps.ToDictionary(m => m.Name);
        MapType expected = bits == 4 ? MapType.Quantized8 : MapType.Quantized16;
        Assert.NotEmpty(network.Operations.OfType<LayerNormOperation>());
        Assert.All(network.Operations.OfType<LayerNormOperation>(), o => Assert.Equal(expected, maps[o.Output].Type));
        Assert.All(network.Operations.OfType<GegluOperation>(), o => Assert.Equal(expected, maps[o.Output].Type));
        foreach (ConvolutionOperation linear in network.Operations.OfType<ConvolutionOperation>().Where(o => o.Name.Contains("transformer_blocks")))
            Assert.Equal((bits, expected), (linear.WeightBits, maps[linear.Input].Type));
        Assert.Equal(source.Operations.OfType<CrossAttentionOperation>().Count(), network.Operations.OfType<CrossAttentionOperation>().Count(o => o.ProductBits == 8));
        // The context is quantized once for all blocks.
        QuantizeOperation context = Assert.Single(network.Operations.OfType<QuantizeOperation>(), o => o.Input == UNetImporter.Context);
        Assert.Equal(source.Operations.OfType<CrossAttentionOperation>().Count(), network.Operations.Count(o => o.Inputs().Contains(context.Output)));

        CrossAttentionOperation first = network.Operations.OfType<CrossAttentionOperation>().First();
        int channels = maps[first.Output].Channels, slot = new QuantizationSlots(network).First(first);
        Assert.Equal([new(first.Input), new(first.Context, 0..channels), new(first.Context, channels..(2 * channels))], quantized.Sources.Skip(slot).Take(3));
    }

    /// <summary>Quantized to ranges that hold all that is seen, the prediction is close to FP32's: linear layers, norms, gates and both attentions compute what they should.</summary>
    [SharedFact("golden/small-sd15")]
    public void AQuantizedTransformerComesCloseToFp32()
    {
        const int images = 2, tokens = 7;
        ImportedModel model = DiffusersImporter.Load(SharedData.Golden("small-sd15"), tokens: tokens);
        QuantizedNetwork quantized = QuantizedNetwork.Of(model.Network, 8, [], attentionBits: 8);
        Func<string, long, byte[]> source = model.TensorBytes([500f]);
        var tensors = QuantizedTensors.Nearest(model, [500f], quantized.Network, 2);
        using var device = new CpuDevice(2);
        var random = new Random(1);
        float[] x = Normal(images * model.Height * model.Width * model.Channels), context = Normal(images * quantized.Network.Maps.Single(m => m.Name == UNetImporter.Context).Channels * tokens);
        var seen = new Dictionary<string, float[]> { [model.Network.Latent] = x, [UNetImporter.Context] = context };
        float[] exact = Evaluate(model.Network, source, InterpretedStep.Float32, (evaluator, operation, run) =>
        {
            foreach (string map in operation.Outputs())
                evaluator.Interpreter.Read(run, map, seen[map] = new float[images * evaluator.Interpreter.Elements(map)]);
        });

        var channels = model.Network.Maps.ToDictionary(m => m.Name, m => m.Channels);
        float[] integer = Evaluate(quantized.Network, tensors.Bytes, new()
        {
            Quantizations = [.. quantized.Sources.Select(s =>
            {
                float[] values = s.Of(seen[s.Map], channels[s.Map]).ToArray();
                float low = Math.Min(0, values.Min()), scale = (Math.Max(0, values.Max()) - low) / 255;
                return new Quantization(scale, (int)MathF.Round(-low / scale), 255);
            })],
        }, null);
        double signal = exact.Sum(v => (double)v * v), noise = exact.Zip(integer, (a, b) => (double)(a - b) * (a - b)).Sum();
        Assert.InRange(10 * Math.Log10(signal / noise), 25, 80);

        float[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

        float[] Evaluate(Network network, Func<string, long, byte[]> weights, InterpretedStep step, Action<NetworkEvaluator, Operation, Execution>? observe)
        {
            using var evaluator = new NetworkEvaluator(network, 1, weights, device, images);
            evaluator.Give(UNetImporter.Context, context);
            var y = new float[x.Length];
            evaluator.Evaluate(0, step, x, [], y, observe is null ? null : (operation, run) => observe(evaluator, operation, run));
            return y;
        }
    }

    /// <summary>Both take a cache line, yet their elements differ in size: written over its own input, a pixel would destroy its neighbour.</summary>
    [Fact]
    public void AQuantizedResultDoesNotTakeItsInputsMemory()
    {
        var one = new Number("1");
        var network = new Network("x", "y",
            new([new("x", 2, 1, 8, MapType.Float32), new("h", 2, 1, 8, MapType.Float32), new("q", 2, 1, 8, MapType.Quantized16), new("y", 2, 1, 8, MapType.Float32)]),
            new(0, 0, 0),
            new([
                new ConvolutionOperation("c", "x", "h", null, 1, 1, 0, 0, 1, 32, -1, one),
                new LayerNormOperation("n", "h", "q", one),
                new ConvolutionOperation("d", "q", "y", null, 1, 1, 0, 0, 1, 8, -1, one),
            ]));
        Assert.Equal(network.Maps[1].BytesPerImage, network.Maps[2].BytesPerImage);
        var plan = new BufferPlan(network);
        Assert.NotEqual(plan["h"], plan["q"]);
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
