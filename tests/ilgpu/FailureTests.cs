using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace Specializer.Ilgpu.Tests;

/// <summary>What goes wrong on GPUs, provoked by fakes around ILGPU's CPU accelerator: typed errors, nothing left behind, and the process goes on.</summary>
public class FailureTests
{
    [Fact]
    public void A_session_says_what_it_needs_before_it_allocates()
    {
        long needed;
        using (IlgpuDevice device = IlgpuDevice.Cpu())
        using (MnistSampler sampler = MnistSampler.Load(device))
        {
            using IlgpuExecution run = Session(device, sampler);
            // Arena, labels, working memory and what is uploaded a step.
            needed = run.NeededBytes;
            Assert.True(needed > 3 * sampler.Description.BytesPerImage + run.ScratchBytes, $"{needed} bytes");
        }

        using (IlgpuDevice device = Open(a => new(a), needed - 1))
        using (MnistSampler sampler = MnistSampler.Load(device))
        {
            int before = device.AllocationCount;
            var e = Assert.Throws<DeviceMemoryException>(() => Session(device, sampler));
            Assert.Equal((needed, needed - 1), (e.NeededBytes, e.AvailableBytes));
            Assert.Equal(before, device.AllocationCount);
            Assert.Equal(0, device.Kernels.Count);
            // A smaller session fits.
            sampler.CreateSession(1).Dispose();
        }

        using (IlgpuDevice device = Open(a => new(a), needed))
        using (MnistSampler sampler = MnistSampler.Load(device)) Session(device, sampler).Dispose();
    }

    [Fact]
    public void A_device_that_is_lost_in_a_step_is_an_error_and_the_next_one_works()
    {
        using (IlgpuDevice device = Open(a => new FailingKernels(a) { LaunchesLeft = 200 }))
        using (MnistSampler sampler = MnistSampler.Load(device))
        using (SamplerSession session = sampler.CreateSession(1))
        {
            for (int i = 0; i < 2; i++)
            {
                var e = Assert.Throws<DeviceLostException>(() => session.Sample(new() { Labels = [3] }));
                Assert.Contains("failed while it worked", e.Message);
                Assert.IsType<Lost>(e.InnerException);
            }
        }

        using (IlgpuDevice device = IlgpuDevice.Cpu())
        using (MnistSampler sampler = MnistSampler.Load(device))
        using (IlgpuExecution run = Session(device, sampler))
        {
            run.Begin(DrawnImage.Consecutive(1, 7, 0, 1f), [4], default);
            sampler.RunStep(0, run);
        }
    }

    /// <summary>Of what the driver would do with memory that is freed under a kernel, ILGPU's CPU accelerator shows a crash.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(150)]
    public async Task A_device_that_is_disposed_of_ends_its_calls_first(int launch)
    {
        using var begun = new ManualResetEventSlim();
        IlgpuDevice? device = null;
        Task? disposing = null;
        FailingKernels? kernels = null;
        device = Open(a => kernels = new(a));
        using MnistSampler sampler = MnistSampler.Load(device);
        using SamplerSession session = sampler.CreateSession(1);
        kernels!.Launching = () =>
        {
            if (--launch != 0) return;
            disposing = Task.Run(() =>
            {
                begun.Set();
                device.Dispose();
            });
            begun.Wait();
        };
        Assert.Throws<ObjectDisposedException>(() => session.Sample(new() { Labels = [3] }));
        await disposing!;
        Assert.Throws<ObjectDisposedException>(() => sampler.CreateSession(1));
        Assert.Throws<ObjectDisposedException>(() => MnistSampler.Load(device));
    }

    [Fact]
    public void A_kernel_that_the_device_cannot_run_is_named()
    {
        using IlgpuDevice device = Open(a => new FailingKernels(a) { CannotCompile = true });
        using MnistSampler sampler = MnistSampler.Load(device);
        for (int i = 0; i < 2; i++)
        {
            var e = Assert.Throws<DeviceCapabilityException>(() => sampler.CreateSession(1));
            Assert.Matches(@"cannot run \w+\.\w+: no such instruction", e.Message);
        }
    }

    [Fact]
    public void A_missing_driver_is_an_error_that_says_so()
    {
        var e = Assert.Throws<DeviceNotFoundException>(() => IlgpuDevice.Open<CudaDevice>("CUDA", 0, null, () => throw new DllNotFoundException("no library nvcuda")));
        Assert.Contains("no library nvcuda", e.Message);
        Assert.Contains("Install the GPU's driver", e.Message);
    }

    [Fact]
    public void What_a_lost_device_cannot_free_keeps_nothing_else_from_being_freed()
    {
        Part first = new(), second = new(), third = new();
        IlgpuDevice.Release(first, null, second, third);
        Assert.True(first.IsDisposed && second.IsDisposed && third.IsDisposed);
    }

    private static IlgpuDevice Open(Func<ILGPU.Runtime.Accelerator, KernelCache> kernels, long memory = long.MaxValue)
    {
        Context context = IlgpuContext.Cpu();
        ILGPU.Runtime.Accelerator accelerator = context.Devices.OfType<CPUDevice>().First().CreateAccelerator(context);
        return new(context, accelerator, kernels(accelerator), hasTensorCores: false, takesLiteralShapes: false) { MemoryLimit = memory };
    }

    private static IlgpuExecution Session(IlgpuDevice device, MnistSampler sampler)
    {
        SamplerDescription d = sampler.Description;
        var run = (IlgpuExecution)device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, 3);
        try
        {
            run.Prepare(() =>
            {
                for (int step = 0; step < d.Steps.Count; step++) sampler.RunStep(step, run);
            });
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private sealed class FailingKernels(ILGPU.Runtime.Accelerator accelerator) : KernelCache(accelerator)
    {
        public int LaunchesLeft { get; set; } = int.MaxValue;
        public bool CannotCompile { get; init; }
        public Action? Launching { get; set; }

        protected override void Start<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, long groups, int threads, TArguments arguments)
        {
            if (LaunchesLeft == 0) throw new Lost();
            Launching?.Invoke();
            LaunchesLeft--;
            base.Start(kernel, stream, groups, threads, arguments);
        }

        protected override Delegate Load<TArguments>(Action<TArguments> kernel) =>
            CannotCompile ? throw new CapabilityNotSupportedException("no such instruction") : base.Load(kernel);
    }

    private sealed class Lost() : AcceleratorException("unspecified launch failure")
    {
        public override AcceleratorType AcceleratorType => AcceleratorType.CPU;
    }

    private sealed class Part : IDisposable
    {
        public bool IsDisposed { get; private set; }

        public void Dispose()
        {
            IsDisposed = true;
            throw new Lost();
        }
    }
}
