#if FULL_FEED
using System.Collections.Concurrent;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace Specializer.Ilgpu.Tests.Ptx;

/// <summary>Launches kernels as PTX on <see cref="PtxMachine"/>, over the memory of ILGPU's CPU accelerator: the CUDA path without a GPU.</summary>
internal sealed class PtxLauncher(ILGPU.Runtime.Accelerator accelerator) : KernelCache(accelerator)
{
    private static readonly ConcurrentDictionary<MethodInfo, PtxMachine> Machines = new();

    public static IlgpuDevice Open(IlgpuDeviceOptions? options = null)
    {
        Context context = IlgpuContext.Cpu();
        ILGPU.Runtime.Accelerator accelerator = context.Devices.OfType<CPUDevice>().First().CreateAccelerator(context);
        return new(context, accelerator, new PtxLauncher(accelerator), hasTensorCores: true, takesLiteralShapes: true, options);
    }

    protected override void Start<TArguments>(Action<TArguments> kernel, AcceleratorStream stream, long groups, int threads, TArguments arguments)
    {
        stream.Synchronize();
        PtxMachine machine = Machine(kernel);
        var parameters = new List<byte>();
        Write(parameters, arguments);
        // All kernels but those of tensor cores take any grid: here one that is neither full warps nor a single group.
        bool any = !kernel.Method.DeclaringType!.Name.StartsWith("Tensor", StringComparison.Ordinal);
        machine.Launch([.. parameters], any ? 3 : checked((int)groups), any ? 40 : threads);
    }

    public override void Prepare<TArguments>(Action<TArguments> kernel) => Machine(kernel);

    private static PtxMachine Machine(Delegate kernel) => Machines.GetOrAdd(kernel.Method, method => new(new(PtxKernels.Compile(method))));

    /// <summary>Writes a value as the kernel's parameter: natural alignment, a view as address and length.</summary>
    private static int Write(List<byte> to, object value)
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
            Align(to, BitConverter.GetBytes((long)typeof(PtxLauncher).GetMethod(nameof(Address), BindingFlags.NonPublic | BindingFlags.Static)!
                .MakeGenericMethod(type.GetGenericArguments()).Invoke(null, [value])!));
            return Align(to, BitConverter.GetBytes((long)type.GetProperty("Length")!.GetValue(value)!));
        }

        var inner = new List<byte>();
        int alignment = 1;
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(f => f.MetadataToken))
            alignment = Math.Max(alignment, Write(inner, field.GetValue(value)!));
        Pad(inner, alignment);
        Pad(to, alignment);
        to.AddRange(inner);
        return alignment;
    }

    private static long Address<T>(ArrayView<T> view) where T : unmanaged => view.LoadEffectiveAddressAsPtr();

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
#endif
