using Specializer.Calibration.Export;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests.Export;

public class OnnxExporterTests
{
    private static OnnxModelReader Export(OnnxExportOptions? options = null, Func<string, float[]>? tensor = null)
    {
        var stream = new MemoryStream();
        OnnxExporter.Export(SmallNetwork.Network, tensor ?? SmallNetwork.Tensor, stream, options);
        return new(stream.ToArray());
    }

    private static ActivationRanges Ranges => new(
        SmallNetwork.Network.Maps.ToDictionary(m => m.Name, _ => new ValueRange(-0.25f, 0.75f)),
        WholeConvolution.In(SmallNetwork.Network).Values.ToDictionary(w => w.Name, _ => new ValueRange(0.5f, 2)));

    [Theory]
    [InlineData(false, false, 0)]
    [InlineData(true, false, 0)]
    [InlineData(false, true, 0)]
    [InlineData(false, false, 7)]
    public void Every_value_is_defined_once_and_before_it_is_read(bool quantized, bool dynamic, int timesteps)
    {
        OnnxModelReader model = Export(new() { Ranges = quantized ? Ranges : null, Dynamic = dynamic, Timesteps = timesteps });

        Assert.Equal(17, model.OperatorSet);
        Assert.Equal(timesteps == 0 ? ["sample", "vectors"] : ["sample", "timestep", "label"], model.Inputs);
        Assert.Equal(["epsilon"], model.Outputs);
        HashSet<string> defined = [.. model.Inputs, .. model.Tensors.Keys, ""];
        foreach (var node in model.Nodes)
        {
            Assert.All(node.Inputs, input => Assert.Contains(input, defined));
            Assert.All(node.Outputs, output => Assert.True(defined.Add(output), $"{output} is defined twice"));
        }

        Assert.Contains("epsilon", defined);
        Assert.All(model.Tensors.Keys, name => Assert.NotEmpty(model.Consumers(name)));
    }

    [Fact]
    public void Two_halves_become_one_convolution_over_the_concatenation()
    {
        OnnxModelReader model = Export();

        var conv = model["conv1"];
        Assert.Equal("norm.silu", conv.Inputs[0]);
        Assert.Equal(["up", "conv_in.vector.4"], model.Nodes.Single(n => n.Operation == "Concat").Inputs);
        var weight = model.Tensors[conv.Inputs[1]];
        Assert.Equal([4, 10, 3, 3], weight.Dimensions);
        float[] whole = weight.Values<float>(), first = SmallNetwork.Tensor("conv1.0.weight"), second = SmallNetwork.Tensor("conv1.1.weight");
        for (int o = 0; o < 4; o++)
        {
            for (int tap = 0; tap < 9; tap++)
            {
                for (int i = 0; i < 6; i++) Assert.Equal(first[(o * 9 + tap) * 6 + i], whole[(o * 10 + i) * 9 + tap]);
                for (int i = 0; i < 4; i++) Assert.Equal(second[(o * 9 + tap) * 4 + i], whole[(o * 10 + 6 + i) * 9 + tap]);
            }
        }

        Assert.Equal(SmallNetwork.Tensor("conv1.0.bias").Zip(SmallNetwork.Tensor("conv1.1.bias"), (a, b) => a + b),
            model.Tensors[conv.Inputs[2]].Values<float>());
        Assert.DoesNotContain(model.Nodes, n => n.Name is "conv1.0" or "conv1.1");
    }

    [Fact]
    public void Padding_stride_and_upsampling_follow_the_maps()
    {
        OnnxModelReader model = Export();

        Assert.Equal([0, 0, 1, 1], model["down"].Integers("pads"));
        Assert.Equal([2, 2], model["down"].Integers("strides"));
        Assert.Equal([1, 1, 1, 1], model["up"].Integers("pads"));
        Assert.Equal("Resize", model.Producer(model["up"].Inputs[0]).Operation);
        Assert.Equal([0, 0, 0, 0], model["qkv"].Integers("pads"));
    }

    [Fact]
    public void Vectors_residual_and_scale_are_added_in_the_networks_order()
    {
        OnnxModelReader model = Export();

        Assert.Equal([4L, 4], model.Tensors["vectors.lengths"].Values<long>());
        Assert.Equal(["conv1", "vectors.0.map"], model["conv1.vector.0"].Inputs);
        Assert.Equal(["out", "conv1.vector.0"], model["out.residual"].Inputs);
        Assert.Equal("out.residual", model["out.scaled"].Inputs[0]);
        Assert.Equal([0.5f], model.Tensors["out.output_scale"].Values<float>());
        Assert.Equal(1e-5f, model["norm.normalized"].Single("epsilon"));
        Assert.Equal([0L, 2, -1], model.Tensors["norm.grouped"].Values<long>());
    }

    [Fact]
    public void Every_convolution_is_quantized_on_all_sides()
    {
        OnnxModelReader model = Export(new() { Ranges = Ranges });

        var convolutions = model.Nodes.Where(n => n.Operation == "Conv").ToArray();
        Assert.Equal(7, convolutions.Length);
        foreach (var conv in convolutions)
        {
            Assert.All(conv.Inputs, input => Assert.Equal("DequantizeLinear", model.Producer(input).Operation));
            Assert.Equal("QuantizeLinear", Assert.Single(model.Consumers(conv.Outputs[0])).Operation);
            var weights = model.Producer(conv.Inputs[1]);
            Assert.Equal(0, weights.Inputs.Length - 2); // symmetric: no zero point
            sbyte[] q = model.Tensors[weights.Inputs[0]].Values<sbyte>();
            float[] scales = model.Tensors[weights.Inputs[1]].Values<float>();
            Assert.Equal(model.Tensors[weights.Inputs[0]].Dimensions[0], scales.Length);
            for (int o = 0; o < scales.Length; o++)
                Assert.Equal(127, q.AsSpan(o * q.Length / scales.Length, q.Length / scales.Length).ToArray().Max(v => Math.Abs((int)v)));
        }
    }

    [Fact]
    public void Quantized_weights_and_bias_stand_for_the_real_ones()
    {
        OnnxModelReader model = Export(new() { Ranges = Ranges });
        OnnxModelReader plain = Export();

        var conv = model["conv1"];
        OnnxModelReader.Node weights = model.Producer(conv.Inputs[1]), bias = model.Producer(conv.Inputs[2]), input = model.Producer(conv.Inputs[0]);
        sbyte[] q = model.Tensors[weights.Inputs[0]].Values<sbyte>();
        float[] scales = model.Tensors[weights.Inputs[1]].Values<float>(), real = plain.Tensors["conv1.weight"].Values<float>();
        for (int i = 0; i < q.Length; i++) Assert.InRange(q[i] * scales[i / 90] - real[i], -0.501f * scales[i / 90], 0.501f * scales[i / 90]);

        // A range of 1 over 255 steps, 0 a quarter of the way.
        float inputScale = model.Tensors[input.Inputs[1]].Values<float>()[0];
        Assert.Equal(1 / 255f, inputScale, 1e-9f);
        Assert.Equal(64, model.Tensors[input.Inputs[2]].Values<byte>()[0]);
        float[] biasScales = model.Tensors[bias.Inputs[1]].Values<float>();
        int[] qBias = model.Tensors[bias.Inputs[0]].Values<int>();
        float[] realBias = plain.Tensors["conv1.bias"].Values<float>();
        for (int o = 0; o < 4; o++)
        {
            Assert.Equal(inputScale * scales[o], biasScales[o]);
            Assert.InRange(qBias[o] * biasScales[o] - realBias[o], -biasScales[o], biasScales[o]);
        }

        // A range that does not hold 0 is widened to it.
        var result = model.Consumers("conv1").Single();
        Assert.Equal(0, model.Tensors[result.Inputs[2]].Values<byte>()[0]);
        Assert.Equal(2 / 255f, model.Tensors[result.Inputs[1]].Values<float>()[0], 1e-9f);
    }

    [Fact]
    public void Dynamic_convolutions_multiply_integers_whose_range_the_run_finds()
    {
        OnnxModelReader model = Export(new() { Dynamic = true }), fixedRanges = Export(new() { Ranges = Ranges });

        Assert.DoesNotContain(model.Nodes, n => n.Operation is "Conv" or "QuantizeLinear");
        var convolutions = model.Nodes.Where(n => n.Operation == "ConvInteger").ToArray();
        Assert.Equal(7, convolutions.Length);
        foreach (var conv in convolutions)
        {
            var quantize = model.Producer(conv.Inputs[0]);
            Assert.Equal("DynamicQuantizeLinear", quantize.Operation);
            Assert.Equal(quantize.Outputs[2], conv.Inputs[2]);
            Assert.Equal(fixedRanges.Tensors[conv.Inputs[1]].Values<sbyte>(), model.Tensors[conv.Inputs[1]].Values<byte>().Select(w => (sbyte)(w - 128)));
            Assert.Equal([128], model.Tensors[conv.Inputs[3]].Values<byte>());
        }

        Assert.Equal([0, 0, 1, 1], model["down.sums"].Integers("pads"));
        var quantized = model.Nodes.Where(n => n.Operation == "DynamicQuantizeLinear").ToArray();
        Assert.Equal(quantized.Length, quantized.Select(n => n.Inputs[0]).Distinct().Count());
        // Both scales, then the bias.
        var sum = model["conv1"];
        var scaled = model.Producer(sum.Inputs[0]);
        var factor = model.Producer(scaled.Inputs[1]);
        Assert.Equal("conv1.weight.scale", factor.Inputs[1]);
        Assert.Equal("DynamicQuantizeLinear", model.Producer(factor.Inputs[0]).Operation);
        Assert.Equal(Export().Tensors["conv1.bias"].Values<float>(), model.Tensors[sum.Inputs[1]].Values<float>());
    }

    [Fact]
    public void A_quantized_network_is_refused()
    {
        Network quantized = SmallNetwork.Network with
        {
            Maps = SmallNetwork.Network.Maps.Select(m => m.Name == "norm.0" ? m with { Type = MapType.Quantized8 } : m).ToEquatableArray(),
        };

        var error = Assert.Throws<ArgumentException>(() => OnnxExporter.Export(quantized, SmallNetwork.Tensor, new MemoryStream()));
        Assert.Contains("norm.0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_of_another_length_is_refused_by_name()
    {
        var error = Assert.Throws<InvalidDataException>(() => Export(tensor: name => name == "conv1.1.weight" ? new float[5] : SmallNetwork.Tensor(name)));
        Assert.Contains("conv1.1.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("144", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_convolution_whose_range_was_not_seen_is_refused_by_name()
    {
        ActivationRanges ranges = Ranges with { Results = Ranges.Results.Where(r => r.Key != "down").ToDictionary() };
        var error = Assert.Throws<ArgumentException>(() => Export(new() { Ranges = ranges }));
        Assert.Contains("down", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_convolution_whose_range_is_not_finite_is_refused_by_name()
    {
        ActivationRanges ranges = Ranges with { Results = Ranges.Results.ToDictionary(r => r.Key, r => r.Key == "down" ? new ValueRange(0, float.PositiveInfinity) : r.Value) };
        Assert.Contains("down", Assert.Throws<ArithmeticException>(() => Export(new() { Ranges = ranges })).Message, StringComparison.Ordinal);
    }

    /// <summary>Sums of products and bias have 32 bits.</summary>
    [Fact]
    public void A_bias_beside_weights_that_are_next_to_nothing_is_kept()
    {
        OnnxModelReader model = Export(new() { Ranges = Ranges }, name => name == "down.weight" ? Array.ConvertAll(SmallNetwork.Tensor(name), w => w * 1e-12f) : SmallNetwork.Tensor(name));
        OnnxModelReader.Node bias = model.Producer(model["down"].Inputs[2]);
        int[] q = model.Tensors[bias.Inputs[0]].Values<int>();
        float[] scales = model.Tensors[bias.Inputs[1]].Values<float>(), real = SmallNetwork.Tensor("down.bias");
        for (int o = 0; o < real.Length; o++) Assert.Equal(real[o], q[o] * scales[o], 1e-6f);
        Assert.All(q, v => Assert.InRange(Math.Abs((long)v), 0, (1 << 30) + 128));
    }
}
