using System.Globalization;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Kernels;
using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Takes the kernels' barriers away and shortens their waits, one at a time: each is needed, and <see cref="MemoryChecker"/> finds that it is missing.</summary>
public partial class SynchronisationTests
{
    private const int Batch = 2;
    private static readonly Quantization To = new(0.02f, 77, 255);

    /// <summary>Convolutions with several steps, tiles and warps; everything with more parts than groups.</summary>
    private static readonly Dictionary<string, (bool Half, Action<Device> Run)> Operations = new()
    {
        ["convolution, 8 bits"] = (false, device => ConvolveIntegers(device, ConvolutionShape.Of(7, 5, 64, 64, 8))),
        ["convolution, 4 bits, wide tile"] = (false, device => ConvolveIntegers(device, ConvolutionShape.Of(6, 5, 48, 128, 4))),
        ["convolution, FP16"] = (true, device => Convolve(device, ConvolutionShape.Of(7, 5, 40, 120, 32))),
        ["convolution, FP32"] = (false, device => Convolve(device, ConvolutionShape.Of(7, 5, 32, 64, 32))),
        ["attention, 8 bits"] = (false, device => Attend(device, 200, (run, qkv, y, s) => run.Attend(qkv, y, To, To, To, s))),
        ["attention, FP16"] = (true, device => Attend(device, 100, (run, qkv, y, s) => run.Attend(qkv, y, s))),
        ["attention, FP32"] = (false, device => Attend(device, 60, (run, qkv, y, s) => run.Attend(qkv, y, s))),
        ["embedding"] = (false, Embed),
        ["layer normalisation"] = (false, LayerNormalize),
        ["normalisation in two launches"] = (false, device => Normalize(device, new(8, 8, 33, 31, 32, 1e-5f, Nonlinearity.None, 1))),
        ["normalisation in one launch"] = (false, device => Normalize(device, new(8, 7, 20, 12, 2, 1e-5f, Nonlinearity.Silu, 1))),
    };

    public static TheoryData<string> Names => [.. Operations.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_barrier_and_wait_is_needed(string operation)
    {
        int count = Run(operation, null);
        Assert.InRange(count, 1, 100);
        for (int i = 0; i < count; i++)
        {
            string message = Assert.Throws<InvalidOperationException>(() => Run(operation, i)).Message;
            Assert.Matches("nothing orders the two|is still copying|nobody has written yet", message);
        }
    }

    /// <summary>Nothing else runs these: what they compute says nothing.</summary>
    [Fact]
    public void Limits_pass()
    {
        const int groups = 3, threads = TensorConvolution.Threads;
        using IlgpuDevice device = PtxLauncher.Open();
        using MemoryBuffer1D<int, Stride1D.Dense> sink = device.Accelerator.Allocate1D<int>(groups * threads);
        foreach (Action<LimitArguments> kernel in (Action<LimitArguments>[])[LimitKernels.Integers, LimitKernels.Halves])
            device.Kernels.Launch(kernel, device.Accelerator.DefaultStream, new(groups, threads), new LimitArguments { Repeats = 2, Sink = sink.View });
    }

    /// <summary>Runs an operation without one of the barriers and waits of its kernels. Returns how many there are.</summary>
    private static int Run(string operation, int? without)
    {
        int next = 0;
        (bool half, Action<Device> run) = Operations[operation];
        // A wait for everything comes last, when at most empty groups of copies are left.
        string Edit(Match found) => next++ != without ? found.Value
            : found.Groups["left"] is { Success: true } left ? $"cp.async.wait_group {int.Parse(left.Value, CultureInfo.InvariantCulture) + 1};" : "";
        run(PtxLauncher.Open(new() { HalfPrecision = half }, ptx => Synchronisation().Replace(ptx, Edit)));
        return next;
    }

    private static void LayerNormalize(Device device)
    {
        var random = new Random(21);
        var s = new MapShape(3, 5, 37, 1);
        var blob = new TestBlob();
        NormWeights at = blob.AddNorm(Values.Floats(random, s.Channels), Values.Floats(random, s.Channels));
        using var pair = new Pair(device, blob.Build(), Batch);
        Activation x = pair.Write(Values.Images(random, Batch, s.Elements)), y = pair.Plan(4 * s.Elements), q = pair.Plan(s.Height * s.Width * 40);
        pair.Other.LayerNormalize(at, x, y, 1e-5f, s);
        pair.Other.LayerNormalizeQuantize(at, x, q, To, 1e-5f, s);
    }

    private static void ConvolveIntegers(Device device, ConvolutionShape s)
    {
        var random = new Random(21);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, Values.Weights(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels, s.WeightBits),
            Values.Floats(random, s.OutputChannels), Values.Floats(random, s.OutputChannels));
        using var pair = new Pair(device, blob.Build(), Batch);
        int pixels = s.InputHeight * s.InputWidth;
        Activation x = pair.Write(Values.Images(random, Batch, pixels * s.InputChannels)), q = pair.Plan(pixels * s.InputChannels), y = pair.Plan(4 * s.OutputHeight * s.OutputWidth * s.OutputChannels);
        pair.Other.Quantize(x, q, To, new MapShape(s.InputHeight, s.InputWidth, s.InputChannels, s.ElementSize));
        pair.Other.Convolve(at, q, To, y, shape: s);
    }

    private static void Convolve(Device device, ConvolutionShape s)
    {
        var random = new Random(22);
        var blob = new TestBlob();
        ConvolutionWeights at = blob.Add(s, Values.Floats(random, s.OutputChannels * s.KernelSize * s.KernelSize * s.InputChannels), Values.Floats(random, s.OutputChannels));
        using var pair = new Pair(device, blob.Build(), Batch);
        Activation x = pair.Write(Values.Images(random, Batch, s.InputHeight * s.InputWidth * s.InputChannels)), y = pair.Plan(4 * s.OutputHeight * s.OutputWidth * s.OutputChannels);
        pair.Other.Convolve(at, x, y, shape: s);
    }

    /// <param name="device">Where.</param>
    /// <param name="channels">Four steps: what finishing needs of every row then lies where the last one was.</param>
    /// <param name="attend">In which arithmetic.</param>
    private static void Attend(Device device, int channels, Action<Execution, Activation, Activation, AttentionShape> attend)
    {
        var s = new AttentionShape(70, 2, channels);
        using var pair = new Pair(device, new TestBlob().Build(), Batch);
        int elements = s.Tokens * s.Heads * s.HeadChannels;
        attend(pair.Other, pair.Write(Values.Images(new Random(23), Batch, 3 * elements)), pair.Plan(4 * elements), s);
    }

    private static void Embed(Device device)
    {
        var random = new Random(24);
        var s = new EmbeddingShape(4, 20, 3, 165);
        var blob = new TestBlob();
        EmbeddingWeights at = blob.AddEmbedding(s, Values.Floats(random, 80), Values.Floats(random, 60), Values.Floats(random, 165 * 20), Values.Floats(random, 165));
        using var pair = new Pair(device, blob.Build(), Batch, s.Vectors, [2, 0]);
        pair.Other.Embed(at, pair.Vectors, 2, s);
    }

    private static void Normalize(Device device, GroupNormShape s)
    {
        var random = new Random(25);
        int pixels = s.Height * s.Width, all = s.Channels + s.SkipChannels;
        var blob = new TestBlob();
        NormWeights at = blob.AddNorm(Values.Floats(random, all), Values.Floats(random, all));
        using var pair = new Pair(device, blob.Build(), Batch);
        Activation x = pair.Write(Values.Images(random, Batch, pixels * s.Channels)), skip = pair.Write(Values.Images(random, Batch, pixels * s.SkipChannels));
        pair.Other.Normalize(at, x, pair.Plan(4 * pixels * s.Channels), skip, pair.Plan(4 * pixels * s.SkipChannels), s);
    }

    [GeneratedRegex(@"\bbar\.(warp\.)?sync\s[^;]*;|cp\.async\.wait_group (?<left>[1-9]\d*);")]
    private static partial Regex Synchronisation();
}
