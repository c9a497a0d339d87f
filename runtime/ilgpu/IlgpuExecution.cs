using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using Specializer.Ilgpu.Graphs;
using Specializer.Ilgpu.Kernels;

namespace Specializer.Ilgpu;

/// <summary>A session's memory on a GPU. Operations are queued on one stream in the order of the calls; only reading waits for them.
/// The operations stand in the other files of this class.</summary>
internal sealed unsafe partial class IlgpuExecution : Execution
{
    /// <summary>A row of 16 equal bytes for each zero point, behind the arena.</summary>
    private const int PaddingBytes = 256 * 16;

    private readonly IlgpuDevice _device;
    private readonly IlgpuWeights _weights;
    private readonly AcceleratorStream _stream;
    private readonly DeviceScratch _scratch, _offsets, _statements, _temporaries;
    /// <summary>Null where launches do not wait for the end of their step.</summary>
    private readonly StepGraphs? _graphs;
    private readonly Activation _vectors;
    private readonly long _arenaBytes;

    private MemoryBuffer1D<byte, Stride1D.Dense>? _arena;
    private MemoryBuffer1D<int, Stride1D.Dense>? _labels;
    /// <summary>While planning: views lie here, and nothing is allocated; and the repacked weights that are missing.</summary>
    private PlannedMemory? _plan;
    private Dictionary<ConvolutionWeights, long> _plannedRows = [];

    /// <summary>While preparing: the kernels that were asked for, and how to compile them.</summary>
    private Dictionary<Delegate, Action>? _asked;
    private int[] _hostLabels = [];
    /// <summary>What <see cref="Upload"/> has left on the device.</summary>
    private float[] _uploaded = [];
    private RunParameters _run = new(0, 0, 0, 1f);
    private CancellationToken _cancellation;
    private bool _disposed;

    internal IlgpuExecution(IlgpuDevice device, IlgpuWeights weights, long bytesPerImage, Activation vectors, int capacity)
    {
        _device = device;
        _weights = weights;
        _vectors = vectors;
        Capacity = capacity;
        _arenaBytes = checked(bytesPerImage * capacity);
        device.Accelerator.Bind();
        device.CheckMemory(NeededBytes, Purpose);
        try
        {
            _stream = device.Accelerator.CreateStream();
        }
        catch (AcceleratorException e)
        {
            throw KernelCache.Lost(device.Accelerator, e);
        }

        _scratch = new(device, _stream, Flush);
        _offsets = new(device, _stream, Flush);
        _statements = new(device, _stream, Flush);
        _temporaries = new(device, _stream, Flush);
        if (device.Graphs is { } graphs) _graphs = new(device.Kernels, graphs, _stream);
    }

    /// <summary>What the session holds or will hold, as far as it is known; after planning, everything.</summary>
    internal long NeededBytes => _arenaBytes + PaddingBytes + 4L * Capacity + (_scratch?.Wanted ?? 0) + (_offsets?.Wanted ?? 0) + (_statements?.Wanted ?? 0) + (_temporaries?.Wanted ?? 0) + _plannedRows.Values.Sum();

    private string Purpose => $"A session of {Capacity} images";

    private ArrayView<byte> Arena => _plan?.View(_arenaBytes + PaddingBytes) ?? Allocated().View.BaseView;

    private ArrayView<int> Labels
    {
        get
        {
            if (_plan != null) return _plan.View(4L * Capacity).Cast<int>();
            Allocated();
            return _labels!.View.BaseView;
        }
    }

    /// <summary>The arena, from the first use on.</summary>
    private MemoryBuffer1D<byte, Stride1D.Dense> Allocated()
    {
        if (_arena != null) return _arena;
        MemoryBuffer1D<byte, Stride1D.Dense> arena = _device.Allocate(_arenaBytes + PaddingBytes, Purpose);
        try
        {
            _labels = _device.Accelerator.Allocate1D<int>(Capacity);
            byte* padding = stackalloc byte[PaddingBytes];
            for (int i = 0; i < PaddingBytes; i++) padding[i] = (byte)(i / 16);
            arena.MemSetToZero(_stream);
            arena.View.BaseView.SubView(_arenaBytes).CopyFromCPU(_stream, ref *padding, PaddingBytes);
            _stream.Synchronize();
            return _arena = arena;
        }
        catch (AcceleratorException e)
        {
            arena.Dispose();
            throw KernelCache.Lost(_device.Accelerator, e);
        }
    }

    public override int Capacity { get; }

    /// <summary>Where operations are queued.</summary>
    internal AcceleratorStream Stream => _stream;

    /// <summary>Kernels launched so far.</summary>
    internal long LaunchCount { get; private set; }

    /// <summary>Steps that were queued as a graph.</summary>
    internal long ReplayCount => _graphs?.ReplayCount ?? 0;

    /// <summary>How often the host has waited for the device, or may have.</summary>
    internal long WaitCount { get; private set; }

    /// <summary>Working memory beside the arena.</summary>
    internal long ScratchBytes => _scratch.Bytes + _offsets.Bytes + _statements.Bytes + _temporaries.Bytes;

    /// <summary>Steps whose operations first say what memory they need, and then, when all of it is there, compile, repack and allocate only: for the largest
    /// batch and for one image, which between them use all kernels.</summary>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; nothing was allocated.</exception>
    internal override void Prepare(Action steps)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _device.Accelerator.Bind();
        Dictionary<Delegate, Action> asked = _asked = new(ReferenceEqualityComparer.Instance);
        try
        {
            using (_plan = new(_device.Accelerator)) Rehearse(steps);
            _plan = null;
            _device.CheckMemory(NeededBytes, Purpose);
            Allocated();
            Rehearse(steps);
        }
        finally
        {
            _asked = null;
            _plan = null;
            Batch = 0;
        }

        // The driver translates kernels for the card on as many threads as ask for it; ILGPU's CPU accelerator gains nothing.
        int threads = _device.Accelerator.AcceleratorType == AcceleratorType.CPU ? 1 : Environment.ProcessorCount;
        try
        {
            Parallel.ForEach(asked.Values, new() { MaxDegreeOfParallelism = threads }, compile => compile());
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private void Rehearse(Action steps)
    {
        foreach (int batch in (int[])[Capacity, 1])
        {
            Batch = batch;
            _halves.Clear();
            _hostLabels = new int[batch];
            steps();
        }
    }

    /// <summary>Weights as rows for tiles; while planning only what they would take.</summary>
    private ArrayView<int> Rows(ConvolutionWeights weights, in ConvolutionArguments a)
    {
        if (_plan == null) return _weights.Rows(weights, a, _stream);
        long bytes = 4 * RepackKernels.Words(a.Shape, _device.Options.HalfPrecision);
        if (!_weights.HasRows(weights)) _plannedRows[weights] = bytes;
        return _plan.View(bytes).Cast<int>();
    }

    internal override void Begin(int images, ReadOnlySpan<int> labels, CancellationToken cancellation) =>
        Begin(images, new RunParameters(images, 0, 0, 1f), labels, cancellation);

    private void Begin(int batch, RunParameters run, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (batch < 1 || batch > Capacity)
            throw new ArgumentException($"A batch of {batch} does not fit a session of capacity {Capacity}.", nameof(batch));
        if (labels.Length != 0 && labels.Length != batch)
            throw new ArgumentException($"{labels.Length} labels for a batch of {batch}: give none, or one for each (both halves under guidance).", nameof(labels));
        _device.Accelerator.Bind();
        Flush();
        _hostLabels = labels.ToArray();
        if (labels.Length != 0)
        {
            WaitCount++;
            Guard(() =>
            {
                fixed (int* from = _hostLabels) Labels.CopyFromCPU(_stream, ref *from, _hostLabels.Length);
            });
        }

        Batch = batch;
        _halves.Clear();
        _run = run;
        Guided = run.Guidance != 1f;
        GuidedSigma = float.NaN;
        _cancellation = cancellation;
        cancellation.ThrowIfCancellationRequested();
    }

    internal override void Read(Activation map, int elementsPerImage, Span<float> destination)
    {
        BatchView<float> from = Floats(map, elementsPerImage, Access.Read);
        int images = ImagesIn(destination.Length, elementsPerImage);
        WaitCount++;
        _device.Accelerator.Bind();
        Flush();
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
        WaitCount++;
        _device.Accelerator.Bind();
        Flush();
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

    private int ImagesIn(int elements, int elementsPerImage)
    {
        if (elements % elementsPerImage != 0 || elements / elementsPerImage > Capacity)
            throw new ArgumentException($"{elements} elements are not a whole number of images of {elementsPerImage}, or more than the {Capacity} this session holds.");
        return elements / elementsPerImage;
    }

    /// <summary>What every operation does first.</summary>
    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Batch == 0) throw new InvalidOperationException("Begin a run before its operations.");
        _cancellation.ThrowIfCancellationRequested();
        _device.Accelerator.Bind();
    }

    /// <summary>Launches the kernel that is made for the shape's type, or the one that takes any shape.</summary>
    private void Launch<TShape, TArguments>(Action<TArguments> literal, Action<TArguments> dynamic, long items, in TArguments arguments)
        where TShape : struct
        where TArguments : struct =>
        Launch(IsLiteral<TShape>() ? literal : dynamic, items, arguments);

    private void Launch<TArguments>(Action<TArguments> kernel, long items, in TArguments arguments)
        where TArguments : struct
    {
        if (Launches(kernel)) Queue(kernel, _device.Kernels.Items(items), arguments);
    }

    private void LaunchGroups<TArguments>(Action<TArguments> kernel, long groups, int threads, in TArguments arguments)
        where TArguments : struct
    {
        if (Launches(kernel)) Queue(kernel, new(groups, threads), arguments);
    }

    private void LaunchParts<TShape, TArguments>(Action<TArguments> literal, Action<TArguments> dynamic, long parts, long items, in TArguments arguments)
        where TShape : struct
        where TArguments : struct =>
        LaunchParts(IsLiteral<TShape>() ? literal : dynamic, parts, items, arguments);

    private void LaunchParts<TArguments>(Action<TArguments> kernel, long parts, long items, in TArguments arguments)
        where TArguments : struct
    {
        if (Launches(kernel)) Queue(kernel, _device.Kernels.Parts(parts, items), arguments);
    }

    private void Queue<TArguments>(Action<TArguments> kernel, LaunchGrid grid, in TArguments arguments)
        where TArguments : struct
    {
        if (_graphs == null) _device.Kernels.Launch(kernel, _stream, grid, arguments);
        else _graphs.Add(kernel, grid, arguments);
    }

    /// <summary>Of a launch that differs from run to run; nothing may wait before it.</summary>
    private void LaunchAtOnce<TArguments>(Action<TArguments> kernel, long items, in TArguments arguments)
        where TArguments : struct
    {
        if (Launches(kernel)) _device.Kernels.Launch(kernel, _stream, _device.Kernels.Items(items), arguments);
    }

    /// <summary>Queues launches that wait for the end of their step, before anything else that must come behind them.</summary>
    private void Flush() => _graphs?.Flush();

    /// <summary>Everything up to here repeats from run to run: what follows depends on the run's seed.</summary>
    internal void EndStep(int step)
    {
        if (_asked == null) _graphs?.EndStep(step, Batch);
    }

    /// <summary>False while preparing: then the kernel is noted only.</summary>
    private bool Launches<TArguments>(Action<TArguments> kernel)
        where TArguments : struct
    {
        if (_asked == null)
        {
            LaunchCount++;
            return true;
        }

        Ask(kernel);
        return false;
    }

    // A method of its own: its closure would be allocated by every launch.
    private void Ask<TArguments>(Action<TArguments> kernel)
        where TArguments : struct => _asked!.TryAdd(kernel, () => _device.Kernels.Prepare(kernel));

    private bool IsLiteral<TShape>() where TShape : struct => _device.TakesLiteralShapes && ShapeType<TShape>.IsLiteral;

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
        ArrayView<float> view = _offsets.Reserve(4L * values.Length, _plan).Cast<float>();
        if (_asked != null) return view;
        bool isThere = MemoryMarshal.AsBytes<float>(_uploaded).StartsWith(MemoryMarshal.AsBytes(values));
        if (_graphs != null)
        {
            // A copy goes ahead of launches that wait: of those none may read what was there before.
            if (_graphs.ReadsUpload && !isThere) Flush();
            _graphs.ReadsUpload = true;
        }

        if (isThere) return view;
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

    private static (long Pixels, int Channels) PixelsOf<TShape>(TShape shape)
        where TShape : struct, IMapShape
    {
        if (shape.Height < 1 || shape.Width < 1 || shape.Channels < 1)
            throw new ArgumentException($"A map of {shape.Height}×{shape.Width}×{shape.Channels} is not usable: its sizes must be positive.");
        return ((long)shape.Height * shape.Width, shape.Channels);
    }

    private static void CheckElementSize(int elementSize)
    {
        if (elementSize is not (1 or 2))
            throw new ArgumentException($"A quantized element has 1 byte, or 2 for convolutions with 8-bit weights; not {elementSize}.");
    }

    private static Quantization Checked(Quantization q)
    {
        if (!(q.Scale > 0f) || !float.IsFinite(q.Scale) || q.Levels is < 1 or > 255 || q.ZeroPoint < 0 || q.ZeroPoint > q.Levels)
            throw new ArgumentException($"{q} is no usable quantization: the scale must be positive and finite, the levels 1 to 255, the zero point within them.");
        return q;
    }

    protected override void Dispose(bool disposing)
    {
        if (_disposed) return;
        _disposed = true;
        IlgpuDevice.Release(_graphs, _scratch, _offsets, _statements, _temporaries, _labels, _arena, _stream);
    }

    /// <summary>A shape type without fields is a compile-time constant.</summary>
    private static class ShapeType<TShape>
    {
        public static readonly bool IsLiteral = typeof(TShape).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length == 0;
    }
}
