using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using Specializer.Ilgpu.Intrinsics;

namespace Specializer.Ilgpu;

/// <summary>ILGPU as this library configures it; also for compiling kernels where no device is.</summary>
internal static class IlgpuContext
{
    static IlgpuContext()
    {
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The program has a resolver of its own.
        }
    }

    public static Context Create(Action<Context.Builder> devices) => Context.Create(builder =>
    {
        builder.Specializer();
        builder.Optimize(OptimizationLevel.O1).Inlining(InliningMode.Aggressive);
        // Lets benchmarks put markers between operations; costs nothing without them.
        builder.Profiling();
        // KernelCache keeps kernels. ILGPU's own cache would let only one thread compile at a time.
        builder.Caching(CachingMode.NoKernelCaching);
        devices(builder);
    });

    public static Context Cuda() => Create(b => b.Cuda());

    public static Context OpenCL() => Create(b => b.OpenCL());

    /// <summary>As many threads as there are processors, rounded down to a power of two.</summary>
    public static Context Cpu()
    {
        int threads = 1 << Math.Clamp(31 - int.LeadingZeroCount(Environment.ProcessorCount), 1, 4);
        return Create(b => b.CPU(new CPUDevice(threads, 1, 1)));
    }

    /// <summary>Drivers on Linux bring libcuda.so.1 and libOpenCL.so.1. The names without a version, which ILGPU asks for, come with development packages.</summary>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        OperatingSystem.IsLinux() && name is "cuda" or "OpenCL" && NativeLibrary.TryLoad($"lib{name}.so.1", out nint library) ? library : 0;

    /// <summary>What a message lists when a device is missing: all there are, or the driver that has none.</summary>
    public static string Found()
    {
        var names = new List<string>();
        List("CUDA", b => b.Cuda(), CudaDriver.Describe, names);
        // Devices that ILGPU's own choice leaves out are named with the reason.
        List("OpenCL", b => b.OpenCL(_ => true), DescribeOpenCL, names);
        return string.Join("; ", names);
    }

    private static string DescribeOpenCL()
    {
        string name = OperatingSystem.IsWindows() ? "OpenCL.dll" : "libOpenCL.so.1";
        return NativeLibrary.TryLoad(name, out _) ? $"OpenCL ({name}) without a device" : $"no OpenCL ({name})";
    }

    private static void List(string kind, Action<Context.Builder> devices, Func<string> none, List<string> names)
    {
        try
        {
            using Context context = Create(devices);
            ILGPU.Runtime.Device[] found = [.. context.Devices.Where(d => d.AcceleratorType != AcceleratorType.CPU)];
            if (found.Length == 0) names.Add(none());
            for (int i = 0; i < found.Length; i++)
                names.Add($"{kind} {i}: {found[i].Name}{(found[i] is CLDevice { Capabilities.GenericAddressSpace: false } ? " (not usable: no generic address space)" : "")}");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A driver that cannot even be asked offers no device.
            names.Add($"{kind}: {e.Message}");
        }
    }
}
