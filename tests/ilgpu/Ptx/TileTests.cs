using System.Reflection;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu.Kernels;
using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Every kernel with tiles, for literal shapes and for any. A card, which has more multiprocessors, takes others for an operation than are taken here.</summary>
public class TileTests
{
    private static readonly Quantization To = new(0.02f, 77, 255);

    /// <summary>Tiles, operands, outputs and images: 30 pixels each.</summary>
    public static TheoryData<string, int, bool, int, int> Convolutions
    {
        get
        {
            var rows = new TheoryData<string, int, bool, int, int>();
            foreach ((string tile, int outputs, int images) in ((string, int, int)[])[("Small", 40, 1), ("Large", 40, 5), ("Wide", 120, 1)])
                foreach ((int bits, bool half) in ((int, bool)[])[(8, false), (4, false), (32, true), (32, false)])
                    if (tile != "Wide" || bits != 32 || half) rows.Add(tile, bits, half, outputs, images);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Convolutions_run_in_every_tile(string tile, int bits, bool half, int outputs, int images)
    {
        // Nine steps or eighteen, and channels that do not fill them.
        ConvolutionShape s = ConvolutionShape.Of(6, 5, bits != 32 ? 48 : half ? 24 : 20, outputs, bits);
        var random = new Random(31);
        int weights = outputs * 9 * s.InputChannels, pixels = 30;
        var blob = new TestBlob();
        ConvolutionWeights at = bits == 32 ? blob.Add(s, Values.Floats(random, weights), Values.Floats(random, outputs))
            : blob.Add(s, Values.Weights(random, weights, bits), Values.Floats(random, outputs), Values.Floats(random, outputs));
        IlgpuDevice device = PtxLauncher.Open(new() { HalfPrecision = half });
        using var pair = new Pair(device, blob.Build(), images);
        Activation x = pair.Write(Values.Images(random, images, pixels * s.InputChannels)), q = pair.Plan(pixels * s.InputChannels * s.ElementSize);
        Activation literal = pair.Plan(4 * pixels * outputs), dynamic = pair.Plan(4 * pixels * outputs);
        if (bits != 32) pair.Do(run => run.Quantize(x, q, To, new MapShape(6, 5, s.InputChannels, s.ElementSize)));
        Type type = LiteralShapes.Of(ConvolutionDimensions.Of(s));
        MethodInfo convolve = typeof(TileTests).GetMethod(nameof(Convolve), BindingFlags.NonPublic | BindingFlags.Static)!;
        foreach (Execution run in pair.Runs)
        {
            convolve.MakeGenericMethod(type).Invoke(null, [run, at, x, q, literal, Activator.CreateInstance(type)]);
            Convolve(run, at, x, q, dynamic, s);
        }

        if (bits != 32) pair.Same(dynamic, pixels * outputs, exact: true);
        Values.Same(pair.Read(1, dynamic, pixels * outputs), pair.Read(1, literal, pixels * outputs));
        string operand = bits != 32 ? "" : half ? "Half" : "Float";
        RunsWhole(device, $"TensorConvolution.{tile}{operand}Literal");
        RunsWhole(device, $"TensorConvolution.{tile}{operand}Dynamic{(bits == 32 ? "" : bits)}");
    }

    /// <summary>Tiles, operands and what leads to them; the channels of a head are four steps.</summary>
    [Theory]
    [InlineData("Small", "Bytes", 1, 60, 200)]
    [InlineData("Small", "Half", 1, 60, 100)]
    [InlineData("Small", "Float", 1, 60, 60)]
    [InlineData("Large", "Bytes", 2, 60, 200)]
    [InlineData("Large", "Half", 2, 60, 100)]
    [InlineData("Large", "Float", 2, 60, 60)]
    [InlineData("Wide", "Bytes", 1, 120, 200)]
    [InlineData("Wide", "Half", 1, 120, 100)]
    public void Products_run_in_every_tile(string tile, string operand, int heads, int tokens, int channels)
    {
        var s = new AttentionShape(tokens, heads, channels);
        bool half = operand == "Half";
        IlgpuDevice device = PtxLauncher.Open(new() { HalfPrecision = half });
        using var pair = new Pair(device, new TestBlob().Build(), 1);
        int elements = tokens * heads * channels;
        Activation qkv = pair.Write(Values.Images(new Random(32), 1, 3 * elements)), y = pair.Plan(4 * elements);
        if (operand == "Bytes") pair.Do(run => run.Attend(qkv, y, To, To, To, s));
        else pair.Do(run => run.Attend(qkv, y, s));
        if (half) Assert.All(pair.Read(0, y, elements).Zip(pair.Read(1, y, elements)), e => Assert.Equal(e.First, e.Second, 0.01f));
        else pair.Same(y, elements);
        RunsWhole(device, $"TensorProduct.{tile}{operand}");
    }

    /// <summary>A kernel was launched, and no copy, matrix instruction or access to shared memory of it was left out.</summary>
    private static void RunsWhole(IlgpuDevice device, string kernel)
    {
        var launched = ((PtxLauncher)device.Kernels).Launched;
        Assert.Contains(kernel, launched.Keys);
        Assert.DoesNotContain(launched[kernel].NotRun, i => i.Name.StartsWith("cp.", StringComparison.Ordinal) || i.Name.StartsWith("ldmatrix.", StringComparison.Ordinal)
            || i.Name.StartsWith("mma.", StringComparison.Ordinal) || i.Name.Contains(".shared", StringComparison.Ordinal));
    }

    private static void Convolve<TShape>(Execution run, ConvolutionWeights at, Activation x, Activation q, Activation y, TShape s)
        where TShape : struct, IConvolutionShape
    {
        if (s.WeightBits == 32) run.Convolve(at, x, y, shape: s);
        else run.Convolve(at, q, To, y, shape: s);
    }
}
