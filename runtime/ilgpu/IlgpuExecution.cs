using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Graphs;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

/// <summary>A session on a GPU. Operations are queued on one stream in the order of the calls; only reading waits for them. Where their memory lies says
/// <see cref="SessionMemory"/>, what becomes of their launches <see cref="ILaunching"/>. The operations stand in a folder of their own.</summary>
internal sealed unsafe partial class IlgpuExecution : Execution
{
    private readonly IlgpuDevice _device;
    private readonly IlgpuWeights _weights;
    private readonly AcceleratorStream _stream;
    private readonly DeviceSession _session;
    private readonly ILaunching _running;
    private readonly Activation _vectors;

    /// <summary>The session's, or while it is prepared a plan.</summary>
    private SessionMemory _memory;
    private ILaunching _launching;
    /// <summary>What <see cref="Upload"/> has left on the device.</summary>
    private float[] _uploaded = [];

    internal IlgpuExecution(IlgpuDevice device, IlgpuWeights weights, long bytesPerImage, Activation vectors, int capacity)
    {
        _device = device;
        _weights = weights;
        _vectors = vectors;
        Capacity = capacity;
        long mapBytes = checked(bytesPerImage * capacity);
        device.Accelerator.Bind();
        device.CheckMemory(DeviceSession.BytesOf(mapBytes, capacity), DeviceSession.Purpose(capacity));
        try
        {
            _stream = device.Accelerator.CreateStream();
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(device.Accelerator, e);
        }

        _running = _launching = device.Graphs is { } graphs ? new StepGraphs(device.Kernels, graphs, _stream) : new ImmediateLaunching(device.Kernels, _stream);
        _memory = _session = new(weights, _stream, mapBytes, capacity, _running.Flush);
    }

    public override int Capacity { get; }

    /// <summary>What the session holds or will hold, as far as it is known; after planning, everything.</summary>
    internal long NeededBytes => _session.NeededBytes;

    /// <summary>Where operations are queued.</summary>
    internal AcceleratorStream Stream => _stream;

    /// <summary>Kernels launched so far.</summary>
    internal long LaunchCount => _running.Count;

    /// <summary>Steps that were queued as a graph.</summary>
    internal long ReplayCount => (_running as StepGraphs)?.ReplayCount ?? 0;

    /// <summary>How often the host has waited for the device, or may have.</summary>
    internal long WaitCount { get; private set; }

    /// <summary>Working memory beside the arena.</summary>
    internal long ScratchBytes => _session.ScratchBytes;

    /// <summary>Steps whose operations first say what memory they need, and then, when all of it is there, compile, repack and allocate only: for the largest
    /// batch and for one image, which between them use all kernels.</summary>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; nothing was allocated.</exception>
    internal override void Prepare(Action steps)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        _device.Accelerator.Bind();
        var rehearsal = new RehearsedLaunching(_device.Kernels);
        _launching = rehearsal;
        try
        {
            using var plan = new PlannedSession(_weights, _device.Accelerator, _session.MapBytes, Capacity);
            _memory = plan;
            Rehearse(steps);
            _memory = _session;
            _session.Allocate(plan);
            Rehearse(steps);
        }
        finally
        {
            _launching = _running;
            _memory = _session;
            Batch = 0;
        }

        // The driver translates kernels for the card on as many threads as ask for it; ILGPU's CPU accelerator gains nothing.
        rehearsal.Compile(_device.Accelerator.AcceleratorType == AcceleratorType.CPU ? 1 : Environment.ProcessorCount);
    }

    private void Rehearse(Action steps)
    {
        foreach (int batch in (int[])[Capacity, 1])
        {
            SetRun(DrawnImage.Consecutive(batch, 0, 0, 1f), new int[batch], default);
            _halves.Clear();
            steps();
        }
    }

    private protected override void BeginRun()
    {
        _device.Accelerator.Bind();
        _launching.Flush();
        if (_labelCount != 0)
        {
            WaitCount++;
            Guard(() =>
            {
                fixed (int* from = _labels) _memory.Labels.CopyFromCPU(_stream, ref *from, _labelCount);
            });
        }

        _halves.Clear();
    }

    internal override void Read(Activation map, int elementsPerImage, Span<float> destination)
    {
        BatchView<float> from = Floats(map, elementsPerImage, Access.Read);
        int images = ImagesIn(destination.Length, elementsPerImage);
        Wait();
        try
        {
            // ILGPU does not keep the collector from moving what it copies.
            fixed (float* to = destination)
                for (int image = 0; image < images; image++)
                    from.Image(image).SubView(0, elementsPerImage).CopyToCPU(_stream, ref to[image * elementsPerImage], elementsPerImage);
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(_device.Accelerator, e);
        }
    }

    internal override void Write(Activation map, int elementsPerImage, ReadOnlySpan<float> source)
    {
        BatchView<float> to = Floats(map, elementsPerImage, Access.Write);
        int images = ImagesIn(source.Length, elementsPerImage);
        Wait();
        try
        {
            fixed (float* from = source)
                for (int image = 0; image < images; image++)
                    to.Image(image).SubView(0, elementsPerImage).CopyFromCPU(_stream, ref from[image * elementsPerImage], elementsPerImage);
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(_device.Accelerator, e);
        }
    }

    private void Wait()
    {
        WaitCount++;
        _device.Accelerator.Bind();
        _launching.Flush();
    }

    /// <summary>What every operation does first.</summary>
    private void Enter()
    {
        CheckRun();
        _device.Accelerator.Bind();
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(_device.Accelerator, e);
        }
    }

    /// <summary>Copies a few per-channel values to the device, behind what is queued, unless they are there. CUDA stages short copies itself and does not wait.</summary>
    private ArrayView<float> Upload(ReadOnlySpan<float> values)
    {
        ArrayView<float> view = _memory.Uploads(4L * values.Length).Cast<float>();
        if (!_launching.Copies(isThere: MemoryMarshal.AsBytes<float>(_uploaded).StartsWith(MemoryMarshal.AsBytes(values)))) return view;
        try
        {
            fixed (float* from = values)
            {
                if (_device.Accelerator.AcceleratorType == AcceleratorType.Cuda) view.CopyFromCPUUnsafeAsync(_stream, ref *from, values.Length);
                else
                {
                    WaitCount++;
                    view.CopyFromCPU(_stream, ref *from, values.Length);
                }
            }
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(_device.Accelerator, e);
        }

        if (_uploaded.Length < values.Length) _uploaded = new float[values.Length];
        values.CopyTo(_uploaded);
        return view;
    }

    protected override void Dispose(bool disposing)
    {
        if (IsDisposed) return;
        IsDisposed = true;
        IlgpuDevice.Release(_running as IDisposable, _session, _stream);
    }
}
