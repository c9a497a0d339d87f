using System.Collections.Concurrent;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Launches kernels as PTX on <see cref="PtxMachine"/>, over the memory of ILGPU's CPU accelerator: the CUDA path without a GPU.</summary>
internal sealed class PtxLauncher(ILGPU.Runtime.Accelerator accelerator, Func<string, string>? edit) : KernelCache(accelerator, GpuGroups, PtxMachine.MostThreads)
{
    private static readonly ConcurrentDictionary<MethodInfo, PtxMachine> Unedited = new();

    private readonly ConcurrentDictionary<MethodInfo, PtxMachine> _machines = edit == null ? Unedited : new();

    private int _launches;

    /// <summary>Kernels that were launched, as Class.Method; of one for literal shapes the last.</summary>
    public Dictionary<string, PtxMachine> Launched { get; } = [];

    /// <param name="options">Of the device.</param>
    /// <param name="edit">Changes a kernel's text before it runs.</param>
    public static IlgpuDevice Open(IlgpuDeviceOptions? options = null, Func<string, string>? edit = null)
    {
        Context context = IlgpuContext.Cpu();
        ILGPU.Runtime.Accelerator accelerator = context.Devices.OfType<CPUDevice>().First().CreateAccelerator(context);
        return new(context, accelerator, new PtxLauncher(accelerator, edit), hasTensorCores: true, takesLiteralShapes: true, options);
    }

    protected override void Start<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, long groups, int threads, TArguments arguments)
    {
        stream.Synchronize();
        PtxMachine machine = Launched[$"{kernel.Method.DeclaringType!.Name}.{kernel.Method.Name}"] = Machine(kernel);
        var parameters = new List<byte>();
        var memory = new List<Extent>();
        Write(parameters, memory, arguments);
        PtxMachine.CheckGrid(groups, threads);
        // All kernels but those with shared memory take any grid: every other launch has a GPU's, the others one that is neither full warps nor a single group.
        bool any = machine.SharedBytes == 0 && _launches++ % 2 == 0;
        machine.Launch([.. parameters], memory, any ? 3 : checked((int)groups), any ? 40 : threads);
    }

    public override void Prepare<TArguments>(Action<TArguments> kernel) => Machine(kernel);

    private PtxMachine Machine(Delegate kernel) => _machines.GetOrAdd(kernel.Method, method => new(new(edit == null ? PtxKernels.Compile(method) : edit(PtxKernels.Compile(method)))));

    /// <summary>Writes a value as the kernel's parameter: natural alignment, a view as address and length. Notes what memory views are of.</summary>
    private static int Write(List<byte> to, List<Extent> memory, object value)
    {
        switch (value)
        {
            case int v: return Align(to, BitConverter.GetBytes(v));
            case float v: return Align(to, BitConverter.GetBytes(v));
            case long v: return Align(to, BitConverter.GetBytes(v));
            case ulong v: return Align(to, BitConverter.GetBytes(v));
            case Enum v: return Align(to, BitConverter.GetBytes(Convert.ToInt32(v)));
        }

        Type type = value.GetType();
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ArrayView<>))
        {
            var extent = (Extent)typeof(PtxLauncher).GetMethod(nameof(ExtentOf), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(type.GetGenericArguments()).Invoke(null, [value])!;
            memory.Add(extent);
            Align(to, BitConverter.GetBytes(extent.Start));
            return Align(to, BitConverter.GetBytes((long)type.GetProperty("Length")!.GetValue(value)!));
        }

        var inner = new List<byte>();
        int alignment = 1;
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(f => f.MetadataToken))
            alignment = Math.Max(alignment, Write(inner, memory, field.GetValue(value)!));
        Pad(inner, alignment);
        Pad(to, alignment);
        to.AddRange(inner);
        return alignment;
    }

    private static Extent ExtentOf<T>(ArrayView<T> view) where T : unmanaged => new((ulong)view.LoadEffectiveAddressAsPtr(), (ulong)view.LengthInBytes);

    private static int Align(List<byte> to, byte[] bytes)
    {
        Pad(to, bytes.Length);
        to.AddRange(bytes);
        return bytes.Length;
    }

    private static void Pad(List<byte> to, int alignment)
    {
        while (to.Count % alignment != 0) to.Add(0);
    }
}
