using System.Collections.Concurrent;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;

namespace Specializer.Ilgpu;

/// <summary>So many groups of so many threads.</summary>
internal readonly record struct LaunchGrid(long Groups, int Threads);

/// <summary>Compiles each kernel once per device, when it is first asked for, and launches it.</summary>
internal class KernelCache
{
    /// <summary>Threads of a group, on GPUs: of <see cref="Items"/> and of kernels with tiles, and the most of <see cref="Parts"/>.</summary>
    internal const int GpuThreads = 128, MostPartThreads = 512;

    /// <summary>The most groups of <see cref="Items"/> and <see cref="Parts"/>, on GPUs.</summary>
    protected const int GpuGroups = 1 << 22;

    /// <summary>Keyed by the delegate object: the compiler makes one for each method and shape type.</summary>
    private readonly ConcurrentDictionary<Delegate, Delegate> _compiled = new(ReferenceEqualityComparer.Instance);
    private readonly Accelerator _accelerator;
    private readonly int _threads, _mostGroups, _mostThreads;

    /// <remarks>ILGPU's CPU accelerator has a barrier after every group; every kernel takes any grid, so it gets one group.</remarks>
    public KernelCache(Accelerator accelerator)
        : this(accelerator, accelerator.AcceleratorType == AcceleratorType.CPU ? 1 : GpuGroups, accelerator.MaxNumThreadsPerGroup)
    {
    }

    /// <param name="accelerator">Compiles and runs.</param>
    /// <param name="mostGroups">Of a launch that takes any grid.</param>
    /// <param name="mostThreads">That a group may have.</param>
    protected KernelCache(Accelerator accelerator, int mostGroups, int mostThreads)
    {
        _accelerator = accelerator;
        (_mostGroups, _mostThreads) = (mostGroups, mostThreads);
        _threads = mostGroups == 1 ? mostThreads : Math.Min(GpuThreads, mostThreads);
    }

    /// <summary>Kernels that are compiled.</summary>
    public int Count => _compiled.Count;

    /// <summary>Every compiled kernel, and what the driver gave it where it can be asked.</summary>
    public IEnumerable<(MethodInfo Kernel, KernelResources? Resources)> Resources => _compiled.Select(k => (k.Key.Method, KernelResources.Of(k.Value)));

    /// <summary>Enough threads for <paramref name="items"/> items.</summary>
    public LaunchGrid Items(long items)
    {
        // Threads step through the items with 32-bit indices.
        if (items > 1 << 30) throw new ArgumentException($"A launch of {items} items is too large: use a session with a smaller capacity.");
        return new(Math.Min((items + _threads - 1) / _threads, _mostGroups), _threads);
    }

    /// <summary>A group of threads for each of <paramref name="parts"/>, where there can be so many, of as many threads as a part has <paramref name="items"/>.</summary>
    public LaunchGrid Parts(long parts, long items) => new(Math.Min(parts, _mostGroups),
        _mostGroups == 1 ? _threads : (int)Math.Clamp((items + 31) / 32 * 32, 32, Math.Min(MostPartThreads, _mostThreads)));

    /// <summary>Compiles a kernel that will be launched. Any thread may.</summary>
    public virtual void Prepare<TArguments>(Action<TArguments> kernel)
        where TArguments : struct => _compiled.GetOrAdd(kernel, Compile<TArguments>);

    /// <summary>Launches a kernel at once.</summary>
    public void Launch<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, LaunchGrid grid, TArguments arguments)
        where TArguments : struct
    {
        try
        {
            Start(kernel, stream, grid.Groups, grid.Threads, arguments);
        }
        catch (AcceleratorException e)
        {
            throw Lost(_accelerator, e);
        }
    }

    /// <summary>Tests put a machine of their own here, or one that fails.</summary>
    protected virtual void Start<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, long groups, int threads, TArguments arguments)
        where TArguments : struct
    {
        var launch = (Action<AcceleratorStream, KernelConfig, TArguments>)_compiled.GetOrAdd(kernel, Compile<TArguments>);
        launch(stream, new KernelConfig(checked((int)groups), threads), arguments);
    }

    /// <summary>The same for compilation.</summary>
    protected virtual Delegate Load<TArguments>(Action<TArguments> kernel)
        where TArguments : struct => _accelerator.LoadKernel(kernel);

    public static DeviceLostException Lost(Accelerator accelerator, AcceleratorException e) =>
        new($"{accelerator.Name} failed while it worked: {e.Message} Dispose of the device and open it again.", e);

    private Delegate Compile<TArguments>(Delegate kernel)
        where TArguments : struct
    {
        try
        {
            _accelerator.Bind();
            return Load((Action<TArguments>)kernel);
        }
        catch (Exception e) when (e is AcceleratorException or InternalCompilerException or CapabilityNotSupportedException)
        {
            throw new DeviceCapabilityException($"{_accelerator.Name} cannot run {kernel.Method.DeclaringType!.Name}.{kernel.Method.Name}: {e.GetBaseException().Message.TrimEnd('.')}. Update its driver, or choose another device.", e);
        }
    }
}
