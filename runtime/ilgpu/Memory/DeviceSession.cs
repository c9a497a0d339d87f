using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

/// <summary>A session's memory on the device, from the first use on.</summary>
/// <param name="weights">Shared with other sessions.</param>
/// <param name="stream">Where launches that use it are queued.</param>
/// <param name="mapBytes">Maps of all images.</param>
/// <param name="capacity">Images.</param>
/// <param name="flush">Queues launches that wait.</param>
internal sealed unsafe class DeviceSession(IlgpuWeights weights, AcceleratorStream stream, long mapBytes, int capacity, Action flush) : SessionMemory(mapBytes, capacity), IDisposable
{
    private readonly IlgpuDevice _device = weights.Device;
    private readonly DeviceScratch _working = new(weights.Device, stream, flush), _uploads = new(weights.Device, stream, flush), _statements = new(weights.Device, stream, flush);
    private MemoryBuffer1D<byte, Stride1D.Dense>? _arena;
    private MemoryBuffer1D<int, Stride1D.Dense>? _labels;
    private long _rowBytes;

    /// <summary>What the session holds or will hold, as far as it is known.</summary>
    public long NeededBytes => BytesOf(MapBytes, Capacity) + _working.Wanted + _uploads.Wanted + _statements.Wanted + _rowBytes;

    /// <summary>Working memory beside the arena.</summary>
    public long ScratchBytes => _working.Bytes + _uploads.Bytes + _statements.Bytes;

    public override ArrayView<byte> Arena => Allocated().View.BaseView;

    public override ArrayView<int> Labels
    {
        get
        {
            Allocated();
            return _labels!.View.BaseView;
        }
    }

    /// <summary>What maps, padding and labels take.</summary>
    public static long BytesOf(long mapBytes, int capacity) => mapBytes + PaddingBytes + 4L * capacity;

    /// <summary>For messages.</summary>
    public static string Purpose(int capacity) => $"A session of {capacity} images";

    public override ArrayView<byte> Working(long bytes) => _working.Reserve(bytes);

    public override ArrayView<byte> Uploads(long bytes) => _uploads.Reserve(bytes);

    public override ArrayView<byte> Statements(long bytes) => _statements.Reserve(bytes);

    public override ArrayView<int> Rows(ConvolutionWeights layer, in ConvolutionArguments a) => weights.Rows(layer, a, stream);

    /// <summary>Allocates what a plan wants; working memory with its first use, and then all of it.</summary>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; nothing was allocated.</exception>
    public void Allocate(PlannedSession plan)
    {
        _working.Expect(plan.WorkingBytes);
        _uploads.Expect(plan.UploadBytes);
        _statements.Expect(plan.StatementBytes);
        _rowBytes = plan.RowBytes;
        _device.CheckMemory(NeededBytes, Purpose(Capacity));
        Allocated();
    }

    private MemoryBuffer1D<byte, Stride1D.Dense> Allocated()
    {
        if (_arena != null) return _arena;
        MemoryBuffer1D<byte, Stride1D.Dense> arena = _device.Allocate(MapBytes + PaddingBytes, Purpose(Capacity));
        try
        {
            _labels = _device.Accelerator.Allocate1D<int>(Capacity);
            byte* padding = stackalloc byte[PaddingBytes];
            for (int i = 0; i < PaddingBytes; i++) padding[i] = (byte)(i / 16);
            arena.MemSetToZero(stream);
            arena.View.BaseView.SubView(MapBytes).CopyFromCPU(stream, ref *padding, PaddingBytes);
            stream.Synchronize();
            return _arena = arena;
        }
        catch (AcceleratorException e)
        {
            arena.Dispose();
            throw KernelCache.Lost(_device.Accelerator, e);
        }
    }

    public void Dispose() => IlgpuDevice.Release(_working, _uploads, _statements, _labels, _arena);
}
