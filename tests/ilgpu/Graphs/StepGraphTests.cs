using Specializer.Generator.Tests;
using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests.Graphs;

/// <summary>Everything around the driver's graphs; the driver itself is a fake, or a card's.</summary>
public class StepGraphTests
{
    private static readonly string Manifest = new ManifestBuilder { Steps = 3, FirstStepsAtFourBits = 2, Classes = 3, EmbeddingWidth = 16, Guided = true, Channels = 3, ProductBits = 8 }
        .WithEveryOperation().ToString();

    /// <summary>Seeds, labels, batch sizes and guidance scales change from run to run, and come back.</summary>
    [Fact]
    public void Replayed_steps_have_the_bits_of_single_launches()
    {
        var driver = new FakeGraphDriver();
        using IlgpuDevice device = driver.Open();
        Compare(device, (images, run) =>
        {
            // The 3rd run of each kind replays its 3 steps, the 2nd captures and replays them. Guidance is data, an image's own: another factor replays, too.
            Assert.Equal(run switch { 0 => 0, 1 => 3, 2 => 6, 3 => 6, 4 => 9, 5 => 12, 6 => 12, 7 => 15, 8 => 18, 9 => 21, 10 => 24, 11 => 27, _ => 30 }, driver.Replays);
        });
        Assert.Empty(driver.Executables);
        Assert.Empty(driver.Graphs);
    }

    /// <summary>The same on a card.</summary>
    [Theory]
    [On(Accelerator.Cuda)]
    public void A_card_replays_steps_with_the_bits_of_single_launches(Accelerator kind)
    {
        Assert.Equal(Accelerator.Cuda, kind);
        using IlgpuDevice device = IlgpuDevice.Cuda(0, new() { StepGraphs = true });
        Compare(device, (_, _) => { });
    }

    [Fact]
    public void A_launch_with_another_argument_is_never_replayed()
    {
        var driver = new FakeGraphDriver();
        using PackedWeights weights = new TestBlob().Build();
        using IlgpuDevice device = driver.Open();
        using DeviceWeights uploaded = device.Upload(weights);
        using var run = (IlgpuExecution)device.CreateExecution(uploaded, 1024, default, 2);
        run.Begin(2, default, default);
        Activation x = new(0), q = new(512);
        run.Write(x, 8, [.. Enumerable.Range(0, 16).Select(i => i - 8f)]);
        float[] Quantized(float scale, int step = 0)
        {
            run.Quantize(x, q, new(scale, 100, 255), new MapShape(1, 2, 4, 1));
            run.EndStep(step);
            var words = new float[4];
            run.Read(q, 2, words);
            return words;
        }

        float[] first = Quantized(0.5f), other = Quantized(0.25f);
        Assert.NotEqual(first, other);
        Assert.Equal(0, driver.Captures);
        Assert.Equal(other, Quantized(0.25f));
        Assert.Equal(first, Quantized(0.5f));
        Assert.Empty(driver.Executables);
        Assert.Equal(first, Quantized(0.5f));
        Assert.Equal(first, Quantized(0.5f));
        // Another step has a graph of its own.
        Assert.Equal(other, Quantized(0.25f, step: 1));
        Assert.Equal(other, Quantized(0.25f, step: 1));
        Assert.Equal(first, Quantized(0.5f));
        Assert.Equal((3, 5, 2), (driver.Captures, driver.Replays, driver.Executables.Count));
        run.Dispose();
        Assert.Empty(driver.Executables);
    }

    /// <summary>Outside sessions nothing says where a step ends.</summary>
    [Fact]
    public void What_waits_goes_out_before_it_is_read_or_its_memory_changes()
    {
        var random = new Random(5);
        var blob = new TestBlob();
        GroupNormShape[] shapes = [new(3, 5, 8, 0, 2, 1e-5f, Nonlinearity.Silu, 1), new(9, 8, 8, 0, 2, 1e-5f, Nonlinearity.None, 1)];
        NormWeights at = blob.AddNorm(Values.Floats(random, 8), Values.Floats(random, 8));
        float[] image = Values.Floats(random, 9 * 8 * 8);
        using PackedWeights weights = blob.Build();
        var results = new List<float[]>();
        var driver = new FakeGraphDriver();
        foreach (Func<IlgpuDevice> open in (Func<IlgpuDevice>[])[() => IlgpuDevice.Cpu(), driver.Open])
        {
            using IlgpuDevice device = open();
            using DeviceWeights uploaded = device.Upload(weights);
            using Execution run = device.CreateExecution(uploaded, 1 << 13, default, 1);
            run.Begin(1, default, default);
            Activation x = new(0), y = new(1 << 12);
            run.Write(x, image.Length, image);
            // The second needs more working memory than the first, which still waits.
            foreach (GroupNormShape shape in shapes) run.Normalize(at, x, y, shape: shape);
            run.Normalize(at, y, x, shape: shapes[0]);
            run.Begin(1, default, default);
            run.Normalize(at, x, y, shape: shapes[1]);
            run.Write(x, 8, image.AsSpan(0, 8));
            var result = new float[image.Length];
            run.Read(y, result.Length, result);
            results.Add(result);
        }

        Assert.Equal(results[0], results[1]);
        Assert.Equal((4, 0), (driver.SingleLaunches, driver.Captures));
    }

    /// <summary>They share a buffer on the device.</summary>
    [Fact]
    public void Each_launch_reads_its_own_correction()
    {
        ConvolutionShape[] shapes = [.. ((int[])[2, 3]).Select(outputs => ConvolutionShape.Of(2, 3, 4, outputs, 32, kernel: 1, before: 0, after: 0))];
        var blob = new TestBlob();
        ConvolutionWeights[] at = [.. shapes.Select(s => blob.Add(s, Values.Floats(new Random(3), 4 * s.OutputChannels), new float[s.OutputChannels]))];
        using PackedWeights weights = blob.Build();
        var driver = new FakeGraphDriver();
        using IlgpuDevice single = IlgpuDevice.Cpu(), graphs = driver.Open();
        List<float[]>[] results = [.. ((IlgpuDevice[])[single, graphs]).Select(device =>
        {
            using DeviceWeights uploaded = device.Upload(weights);
            using var run = (IlgpuExecution)device.CreateExecution(uploaded, 1 << 12, default, 1);
            run.Begin(1, default, default);
            var read = new List<float[]>();
            for (int turn = 0; turn < 3; turn++)
            {
                run.Write(new(0), 24, Values.Floats(new Random(turn), 24));
                Activation[] y = [.. Enumerable.Range(1, 5).Select(i => new Activation(128 * i))];
                // What the last turn left, which is not copied again.
                run.Convolve(at[0], new(0), y[0], correction: new(1.5f, [turn, 5f]), shape: shapes[0]);
                run.Convolve(at[0], new(0), y[1], correction: new(1.5f, [1f, 2f]), shape: shapes[0]);
                run.Convolve(at[1], new(0), y[2], correction: new(1.5f, [1f, 2f, 3f]), shape: shapes[1]);
                run.Convolve(at[0], new(0), y[3], correction: new(1.5f, [1f + turn, 5f]), shape: shapes[0]);
                run.Convolve(at[1], new(0), y[4], correction: new(1.5f, [1f + turn, 5f, 4f]), shape: shapes[1]);
                run.EndStep(0);
                for (int i = 0; i < y.Length; i++)
                {
                    var map = new float[6 * shapes[i is 2 or 4 ? 1 : 0].OutputChannels];
                    run.Read(y[i], map.Length, map);
                    read.Add(map);
                }
            }

            return read;
        })];
        Assert.Equal(results[0], results[1]);
        Assert.True(driver.Replays > 0);
    }

    [Theory]
    [InlineData("BeginCapture")]
    [InlineData("kernel")]
    [InlineData("EndCapture")]
    [InlineData("Instantiate")]
    [InlineData("DestroyGraph")]
    [InlineData("Launch")]
    [InlineData("DestroyExecutable")]
    public void A_driver_that_refuses_is_an_error_and_nothing_stays_behind(string function)
    {
        var driver = new FakeGraphDriver { Computes = false, FailsAt = function };
        using (IlgpuDevice device = driver.Open())
        using (MnistSampler sampler = MnistSampler.Load(device))
        {
            using SamplerSession session = sampler.CreateSession(2);
            session.Sample(new() { Labels = [3] });
            if (function == nameof(FakeGraphDriver.DestroyExecutable))
            {
                session.Sample(new() { Labels = [3] });
                Assert.Equal(sampler.Description.Steps.Count, driver.Executables.Count);
            }
            else
            {
                for (int i = 0; i < 2; i++)
                {
                    var e = Assert.Throws<DeviceLostException>(() => session.Sample(new() { Labels = [3] }));
                    Assert.Contains($"{function}: out of memory", e.Message);
                }
            }
        }

        Assert.Null(driver.Recording);
        Assert.Empty(driver.Graphs);
        Assert.Empty(driver.Executables);
    }

    /// <summary>The third run of a step and all later ones: a graph and the solver, nothing on the heap, no waiting.</summary>
    [Fact]
    public void A_replayed_step_is_two_launches_and_allocates_nothing()
    {
        var driver = new FakeGraphDriver { Computes = false };
        using IlgpuDevice device = driver.Open();
        using MnistSampler sampler = MnistSampler.Load(device);
        SamplerDescription d = sampler.Description;
        using var run = (IlgpuExecution)device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, 1);
        run.Prepare(() => sampler.RunStep(0, run));
        run.Begin(DrawnImage.Consecutive(1, 7, 0, 1f), [4], default);
        for (int i = 0; i < 3; i++) sampler.RunStep(0, run);
        Assert.Equal((1, 2), (driver.Captures, driver.Replays));
        (long waits, int single, long bytes) = (run.WaitCount, driver.SingleLaunches, GC.GetAllocatedBytesForCurrentThread());
        sampler.RunStep(0, run);
        Assert.Equal(bytes, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((waits, single + 1, 3), (run.WaitCount, driver.SingleLaunches, driver.Replays));
    }

    [Fact]
    public void Other_devices_than_CUDA_refuse_the_option()
    {
        Assert.Contains("only CUDA", Assert.Throws<DeviceCapabilityException>(() => IlgpuDevice.Cpu(new() { StepGraphs = true })).Message);
    }

    private static void Compare(IlgpuDevice device, Action<float[], int> after)
    {
        byte[] weights = CompiledSampler.Pack(Manifest);
        using Sampler here = CompiledSampler.Load(Manifest, weights), there = CompiledSampler.Load(Manifest, weights, device: device);
        int run = 0;
        foreach ((int count, float guidance) in (ReadOnlySpan<(int, float)>)
            [(2, 2.5f), (2, 2.5f), (2, 2.5f), (2, 1f), (2, 1f), (2, 1f), (1, 1f), (2, 3f), (2, 3f), (2, 2.5f), (2, 2.5f), (2, 1f), (1, 1f)])
        {
            ulong seed = (ulong)run;
            int[] labels = [.. Enumerable.Range(run, count).Select(i => i % 2)];
            float[] expected = here.Sample(new() { Count = count, Seed = seed, Labels = labels, Guidance = guidance }).Pixels.ToArray(), actual = there.Sample(new() { Count = count, Seed = seed, Labels = labels, Guidance = guidance }).Pixels.ToArray();
            Assert.True(expected.Distinct().Count() > expected.Length / 2, "The images are nearly constant: the comparison says little.");
            Assert.Equal(expected, actual);
            after(actual, run++);
        }
    }
}
