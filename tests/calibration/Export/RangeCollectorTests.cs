using System.Runtime.InteropServices;
using Specializer.Calibration.Export;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests.Export;

public class RangeCollectorTests
{
    private const int Steps = 7, Images = 3;

    [Fact]
    public void Results_are_what_the_convolutions_give_without_vector_residual_and_scale()
    {
        Network network = SmallNetwork.Network;
        ActivationRanges ranges = Collect(network);

        // The same network with one convolution's additions taken away: its map then holds the bare result.
        foreach (string name in (string[])["conv_in", "out"])
        {
            Network bare = network with
            {
                Operations = network.Operations.Select(o => o is ConvolutionOperation c && c.Name == name
                    ? c with { Vector = -1, Residual = null, OutputScale = new("1") } : o).ToEquatableArray(),
            };
            ValueRange expected = Collect(bare).Maps[name], actual = ranges.Results[name];
            Assert.Equal(expected.Minimum, actual.Minimum, 1e-5f);
            Assert.Equal(expected.Maximum, actual.Maximum, 1e-5f);
            Assert.NotEqual(ranges.Maps[name].Maximum, actual.Maximum, 1e-3f);
        }
    }

    [Fact]
    public void Every_map_that_a_convolution_reads_and_every_whole_convolution_has_a_range()
    {
        ActivationRanges ranges = Collect(SmallNetwork.Network);

        Assert.All(SmallNetwork.Network.Operations.OfType<ConvolutionOperation>(), c => Assert.True(ranges.Maps[c.Input].Maximum > ranges.Maps[c.Input].Minimum));
        Assert.Equal(WholeConvolution.In(SmallNetwork.Network).Values.Select(w => w.Name).Order(), ranges.Results.Keys.Order());
    }

    private static ActivationRanges Collect(Network network)
    {
        using var device = new CpuDevice(1);
        using var evaluator = new NetworkEvaluator(network, Steps, (name, _) => MemoryMarshal.AsBytes(SmallNetwork.Tensor(name).AsSpan()).ToArray(), device, 2);
        var collector = new RangeCollector(evaluator.Interpreter);
        var random = new Random(1);
        float[] x = [.. Enumerable.Range(0, Images * evaluator.Interpreter.LatentElements).Select(_ => random.NextSingle() - 0.5f)];
        evaluator.Evaluate(1, InterpretedStep.Float32, x, [0, 1, 0], new float[x.Length], collector.Observe);
        return collector.Ranges;
    }
}
