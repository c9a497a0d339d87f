using Specializer.Kernels.Tests;

namespace Specializer.Ilgpu.Tests;

public class DeviceTests
{
    [Fact]
    public void A_missing_device_is_an_error_that_says_what_there_is()
    {
        foreach (Func<IlgpuDevice> open in (Func<IlgpuDevice>[])[() => IlgpuDevice.Cuda(1000), () => IlgpuDevice.OpenCL(1000)])
        {
            string message = Assert.Throws<DeviceNotFoundException>(open).Message;
            Assert.Matches("found|not usable", message);
            Assert.DoesNotContain("CPUAccelerator", message);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => IlgpuDevice.Cuda(-1));
    }

    [Fact]
    public void Memory_that_does_not_fit_is_refused_before_anything_is_allocated()
    {
        using IlgpuDevice device = IlgpuDevice.Cpu();
        long available = device.Accelerator.MemorySize;
        if (available == long.MaxValue) available = long.MaxValue - 1;
        var e = Assert.Throws<DeviceMemoryException>(() => device.Allocate(available + 1, "A session of 9 images"));
        Assert.Equal(available + 1, e.NeededBytes);
        Assert.Contains("A session of 9 images needs", e.Message);
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Weights_of_another_device_are_refused(Accelerator kind)
    {
        using PackedWeights weights = new TestBlob().Build();
        using Device first = Accelerators.Open(kind), second = Accelerators.Open(kind);
        using DeviceWeights uploaded = first.Upload(weights);
        Assert.Throws<ArgumentException>(() => second.CreateExecution(uploaded, 1024, default, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => first.CreateExecution(uploaded, 1000, default, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => first.CreateExecution(uploaded, 1024, default, 0));
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void A_session_that_does_not_fit_leaves_the_device_usable(Accelerator kind)
    {
        using PackedWeights weights = new TestBlob().Build();
        using Device device = Accelerators.Open(kind);
        using DeviceWeights uploaded = device.Upload(weights);
        var e = Assert.Throws<DeviceMemoryException>(() =>
        {
            // Refused at once, or where nobody knows how much memory there is, when it is prepared.
            using Execution large = device.CreateExecution(uploaded, 1L << 50, default, 3);
            large.Prepare(() => { });
        });
        Assert.True(e.NeededBytes >= 3L << 50, e.Message);
        Assert.Contains("A session of 3 images needs", e.Message);
        using Execution run = device.CreateExecution(uploaded, 1024, default, 3);
        run.Begin(3, default, default);
        float[] written = Values.Floats(new Random(1), 3 * 256), read = new float[3 * 256];
        run.Write(default, 256, written);
        run.Read(default, 256, read);
        Assert.Equal(written, read);
    }

    [Theory]
    [On(Accelerator.Cpu)]
    [On(Accelerator.OpenCL)]
    [On(Accelerator.Cuda)]
    public void Two_sessions_share_weights_and_kernels(Accelerator kind)
    {
        var blob = new TestBlob();
        ConvolutionShape s = ConvolutionShape.Of(6, 6, 16, 32, 4);
        var random = new Random(10);
        ConvolutionWeights at = blob.Add(s, Values.Weights(random, 32 * 9 * 16, 4), Values.Floats(random, 32), Values.Floats(random, 32));
        float[] image = Values.Floats(random, 36 * 16);
        using PackedWeights weights = blob.Build();
        using Device device = Accelerators.Open(kind);
        using DeviceWeights uploaded = device.Upload(weights);
        float[][] results = new float[4][];
        Parallel.For(0, 4, i =>
        {
            using Execution run = device.CreateExecution(uploaded, 1 << 14, default, 1);
            run.Begin(1, default, default);
            Activation x = new(0), q = new(4096), y = new(8192);
            var to = new Quantization(0.01f, 100, 255);
            run.Write(x, image.Length, image);
            run.Quantize(x, q, to, new MapShape(6, 6, 16, 1));
            run.Convolve(at, q, to, y, shape: s);
            run.Read(y, 36 * 32, results[i] = new float[36 * 32]);
        });
        for (int i = 1; i < 4; i++) Assert.Equal(results[0], results[i]);
        Assert.Contains(results[0], v => v != 0f);
    }
}
