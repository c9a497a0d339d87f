using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using Specializer.Ilgpu.Graphs;

namespace Specializer.Ilgpu;

/// <summary>Runs samplers on a GPU through ILGPU. Integer results equal the CPU's bit for bit; what docs/arithmetic.md says of
/// floating-point parts holds within the bound it states.</summary>
/// <remarks>Kernels are compiled when a session is created that needs them, which therefore takes longer the first time. Sessions of one
/// device share its compiled kernels and weights; each has a stream and memory of its own.</remarks>
public sealed class IlgpuDevice : Device
{
    private readonly Context _context;
    private bool _disposed;

    internal IlgpuDevice(Context context, Accelerator accelerator, KernelCache kernels, bool hasTensorCores, bool takesLiteralShapes, IlgpuDeviceOptions? options = null)
    {
        _context = context;
        Accelerator = accelerator;
        Kernels = kernels;
        HasTensorCores = hasTensorCores;
        TakesLiteralShapes = takesLiteralShapes;
        Options = options ?? new();
    }

    /// <inheritdoc/>
    public override string Name => Accelerator switch
    {
        CudaAccelerator cuda => $"{cuda.Name} (CUDA, {cuda.Architecture})",
        CLAccelerator cl => $"{cl.Name} (OpenCL C {cl.CVersion.Major}.{cl.CVersion.Minor})",
        _ => $"{Accelerator.Name} (ILGPU, {Accelerator.MaxNumThreadsPerGroup} threads)",
    };

    /// <summary>What it was opened with.</summary>
    public IlgpuDeviceOptions Options { get; }

    internal Accelerator Accelerator { get; }
    internal KernelCache Kernels { get; }
    internal bool HasTensorCores { get; }
    internal bool TakesLiteralShapes { get; }

    /// <summary>What replays steps; null where each kernel is launched by a call of its own.</summary>
    internal IGraphDriver? Graphs { get; init; }

    /// <summary>Opens an NVIDIA GPU.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <param name="options">How it computes; null for the defaults.</param>
    /// <exception cref="DeviceNotFoundException">There is no such device, or no driver.</exception>
    /// <exception cref="DeviceCapabilityException">The device or its driver cannot run the kernels.</exception>
    public static IlgpuDevice Cuda(int index = 0, IlgpuDeviceOptions? options = null) => Open<CudaDevice>("CUDA", index, options, IlgpuContext.Cuda);

    /// <summary>Opens an OpenCL device.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <param name="options">How it computes; null for the defaults.</param>
    /// <exception cref="DeviceNotFoundException">There is no such device, or no driver with what ILGPU needs (the generic address space).</exception>
    /// <exception cref="DeviceCapabilityException">The device has no double precision.</exception>
    public static IlgpuDevice OpenCL(int index = 0, IlgpuDeviceOptions? options = null) => Open<CLDevice>("OpenCL", index, options, IlgpuContext.OpenCL);

    /// <summary>Opens ILGPU's CPU accelerator: slow, for tests of the GPU kernels' arithmetic. For work on the processor use <see cref="CpuDevice"/>.</summary>
    /// <param name="options">How it computes; null for the defaults.</param>
    public static IlgpuDevice Cpu(IlgpuDeviceOptions? options = null) => Open<ILGPU.Runtime.CPU.CPUDevice>("CPU", 0, options, IlgpuContext.Cpu);

    internal override DeviceWeights Upload(PackedWeights weights)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new IlgpuWeights(this, weights);
    }

    internal override Execution CreateExecution(DeviceWeights weights, long arenaBytesPerImage, Activation vectors, int capacity)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (weights is not IlgpuWeights own || own.Device != this)
            throw new ArgumentException($"The weights were uploaded to another device ({weights.GetType().Name}); upload them to this one.", nameof(weights));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        if (arenaBytesPerImage <= 0 || arenaBytesPerImage % 64 != 0)
            throw new ArgumentOutOfRangeException(nameof(arenaBytesPerImage), arenaBytesPerImage, "The arena of an image is a positive multiple of 64 bytes.");
        return new IlgpuExecution(this, own, arenaBytesPerImage, vectors, capacity);
    }

    /// <summary>Bytes that tests leave of the device's memory.</summary>
    internal long MemoryLimit { get; init; } = long.MaxValue;

    private long FreeMemory => Math.Min(MemoryLimit, Accelerator is CudaAccelerator cuda ? cuda.GetFreeMemory() : Accelerator.MemorySize);

    /// <summary>How often memory was allocated.</summary>
    internal int AllocationCount { get; private set; }

    /// <summary>Asks whether so much fits.</summary>
    /// <exception cref="DeviceMemoryException">It does not.</exception>
    internal void CheckMemory(long bytes, string purpose)
    {
        long available = FreeMemory;
        if (bytes > available) throw new DeviceMemoryException(Name, purpose, bytes, available);
    }

    /// <summary>Allocates, after asking whether it fits.</summary>
    /// <exception cref="DeviceMemoryException">It does not.</exception>
    internal MemoryBuffer1D<byte, Stride1D.Dense> Allocate(long bytes, string purpose)
    {
        CheckMemory(bytes, purpose);
        try
        {
            MemoryBuffer1D<byte, Stride1D.Dense> buffer = Accelerator.Allocate1D<byte>(bytes);
            AllocationCount++;
            return buffer;
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            throw new DeviceMemoryException(Name, purpose, bytes, FreeMemory, e);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_disposed) return;
        _disposed = true;
        Release(Accelerator, _context);
    }

    /// <summary>Disposes of everything. A lost device frees nothing any more and says so every time; its driver takes back what is left.</summary>
    internal static void Release(params ReadOnlySpan<IDisposable?> parts)
    {
        foreach (IDisposable? part in parts)
        {
            try
            {
                part?.Dispose();
            }
            catch (AcceleratorException)
            {
                // The failure that matters was reported by the operation that met it.
            }
        }
    }

    private static CudaGraphDriver OpenGraphs(Accelerator accelerator) => accelerator is CudaAccelerator ? new()
        : throw new DeviceCapabilityException($"{accelerator.Name} cannot replay steps: only CUDA has graphs. Open it without {nameof(IlgpuDeviceOptions.StepGraphs)}.");

    /// <param name="kind">For messages.</param>
    /// <param name="index">Which device of that kind.</param>
    /// <param name="options">How it computes.</param>
    /// <param name="open">ILGPU with devices of that kind; tests fail here.</param>
    internal static IlgpuDevice Open<TDevice>(string kind, int index, IlgpuDeviceOptions? options, Func<Context> open)
        where TDevice : ILGPU.Runtime.Device
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        Context context;
        try
        {
            context = open();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new DeviceNotFoundException($"{kind} is not usable on this computer: {e.Message} Install the GPU's driver, or run on the CPU.", e);
        }

        try
        {
            TDevice[] devices = [.. context.Devices.OfType<TDevice>()];
            if (index >= devices.Length)
                throw new DeviceNotFoundException($"There is no {kind} device {index}; found: {IlgpuContext.Found()}. Install the GPU's driver, choose what was found, or run on the CPU.");
            Accelerator accelerator = devices[index].CreateAccelerator(context);
            if (accelerator is CLAccelerator { Capabilities: var capabilities } && !capabilities.Float64)
                throw new DeviceCapabilityException($"{accelerator.Name} has no double precision, which group normalisation needs. Choose another device.");
            // ILGPU's CPU accelerator calls kernels from an assembly that cannot see the shape types of generated code.
            return new(context, accelerator, new KernelCache(accelerator),
                hasTensorCores: accelerator is CudaAccelerator { Architecture: var architecture } && architecture >= CudaArchitecture.SM_80,
                takesLiteralShapes: accelerator.AcceleratorType != AcceleratorType.CPU, options)
            {
                Graphs = options is { StepGraphs: true } ? OpenGraphs(accelerator) : null,
            };
        }
        catch (AcceleratorException e)
        {
            context.Dispose();
            throw new DeviceCapabilityException($"{kind} device {index} could not be opened: {e.Message}", e);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }
}
