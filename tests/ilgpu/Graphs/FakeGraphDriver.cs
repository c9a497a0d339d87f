using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using Specializer.Ilgpu.Graphs;

namespace Specializer.Ilgpu.Tests.Graphs;

/// <summary>What a CUDA driver does with graphs, on ILGPU's CPU accelerator: launches between begin and end are kept with their arguments, and a graph repeats those.
/// Any function can be made to fail.</summary>
internal sealed class FakeGraphDriver : IGraphDriver
{
    private nint _last;

    /// <summary>What the capture has recorded so far, or null.</summary>
    public List<Action>? Recording { get; private set; }

    public Dictionary<nint, List<Action>> Graphs { get; } = [];

    public Dictionary<nint, List<Action>> Executables { get; } = [];

    /// <summary>Of a member of this type, or of "kernel", a launch that is captured.</summary>
    public string? FailsAt { get; set; }

    /// <summary>False: launches are counted only.</summary>
    public bool Computes { get; init; } = true;

    /// <summary>Kernels that were launched by a call of their own.</summary>
    public int SingleLaunches { get; private set; }

    public int Captures { get; private set; }

    public int Replays { get; private set; }

    public IlgpuDevice Open()
    {
        Context context = IlgpuContext.Cpu();
        ILGPU.Runtime.Accelerator accelerator = context.Devices.OfType<CPUDevice>().First().CreateAccelerator(context);
        return new(context, accelerator, new RecordingKernels(accelerator, this), hasTensorCores: false, takesLiteralShapes: false) { Graphs = this };
    }

    public void BeginCapture(AcceleratorStream stream)
    {
        Call(nameof(BeginCapture));
        Assert.Null(Recording);
        Recording = [];
        Captures++;
    }

    public nint EndCapture(AcceleratorStream stream)
    {
        List<Action> recorded = Assert.IsType<List<Action>>(Recording);
        Recording = null;
        Call(nameof(EndCapture));
        Graphs.Add(++_last, recorded);
        return _last;
    }

    public nint Instantiate(nint graph)
    {
        Call(nameof(Instantiate));
        Executables.Add(++_last, Graphs[graph]);
        return _last;
    }

    public void Launch(nint executable, AcceleratorStream stream)
    {
        Call(nameof(Launch));
        Replays++;
        foreach (Action launch in Executables[executable]) launch();
    }

    public void DestroyGraph(nint graph)
    {
        Assert.True(Graphs.Remove(graph));
        Call(nameof(DestroyGraph));
    }

    public void DestroyExecutable(nint executable)
    {
        Assert.True(Executables.Remove(executable));
        Call(nameof(DestroyExecutable));
    }

    private void Call(string function)
    {
        if (FailsAt == function) throw new Refused(function);
    }

    private sealed class RecordingKernels(ILGPU.Runtime.Accelerator accelerator, FakeGraphDriver driver) : KernelCache(accelerator)
    {
        protected override void Start<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, long groups, int threads, TArguments arguments)
        {
            if (driver.Recording == null)
            {
                driver.SingleLaunches++;
                if (driver.Computes) base.Start(kernel, stream, groups, threads, arguments);
                return;
            }

            Record(kernel, stream, groups, threads, arguments);
        }

        private void Record<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, long groups, int threads, TArguments arguments)
            where TArguments : struct
        {
            driver.Call("kernel");
            driver.Recording!.Add(driver.Computes ? () => base.Start(kernel, stream, groups, threads, arguments) : () => { });
        }

        public override void Prepare<TArguments>(Action<TArguments> kernel)
        {
            if (driver.Computes) base.Prepare(kernel);
        }
    }

    private sealed class Refused(string function) : AcceleratorException($"{function}: out of memory")
    {
        public override AcceleratorType AcceleratorType => AcceleratorType.CPU;
    }
}
