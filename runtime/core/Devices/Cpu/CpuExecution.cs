using Specializer.Threading;

namespace Specializer;

/// <summary>A session's memory on the CPU. The operations stand in the other files of this class, one each; their arithmetic is in Kernels.</summary>
internal sealed unsafe partial class CpuExecution : Execution
{
    private readonly WorkerPool _pool;
    private readonly CpuWeights _weights;
    private readonly Activation _vectors;
    private readonly NativeBuffer _arena = new();
    private readonly int[] _labels;

    private int _labelCount;
    private RunParameters _run = new(0, 0, 0, 1f);
    private CancellationToken _cancellation;
    private bool _disposed;

    internal CpuExecution(WorkerPool pool, CpuWeights weights, long bytesPerImage, Activation vectors, int capacity)
    {
        _pool = pool;
        _weights = weights;
        _vectors = vectors;
        Capacity = capacity;
        _labels = new int[capacity];
        _arena.Reserve(checked(bytesPerImage * capacity));
    }

    public override int Capacity { get; }

    internal override void Begin(int images, ReadOnlySpan<int> labels, CancellationToken cancellation) =>
        Begin(images, new RunParameters(images, 0, 0, 1f), labels, cancellation);

    private void Begin(int batch, RunParameters run, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (batch < 1 || batch > Capacity)
            throw new ArgumentException($"A batch of {batch} does not fit a session of capacity {Capacity}.", nameof(batch));
        if (labels.Length != 0 && labels.Length != batch)
            throw new ArgumentException($"{labels.Length} labels for a batch of {batch}: give none, or one for each (both halves under guidance).", nameof(labels));
        labels.CopyTo(_labels);
        _labelCount = labels.Length;
        Batch = batch;
        _run = run;
        Guided = run.Guidance != 1f;
        GuidedSigma = float.NaN;
        _cancellation = cancellation;
        cancellation.ThrowIfCancellationRequested();
    }

    internal override void Read(Activation map, int elementsPerImage, Span<float> destination)
    {
        Map from = Floats(map, elementsPerImage);
        for (int image = 0; image < ImagesIn(destination.Length, elementsPerImage); image++)
            new ReadOnlySpan<float>(from.Image(image), elementsPerImage).CopyTo(destination[(image * elementsPerImage)..]);
    }

    internal override void Write(Activation map, int elementsPerImage, ReadOnlySpan<float> source)
    {
        Map to = Floats(map, elementsPerImage);
        for (int image = 0; image < ImagesIn(source.Length, elementsPerImage); image++)
            source.Slice(image * elementsPerImage, elementsPerImage).CopyTo(new Span<float>(to.Image(image), elementsPerImage));
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
    }

    private void Run<TWork>(int items, ref TWork work, int grain = 1)
        where TWork : struct, IWork
    {
        _pool.Run(items, grain, ref work);
        GC.KeepAlive(this); // The work holds addresses of this session's memory.
    }

    /// <summary>An FP32 map in the arena.</summary>
    private Map Floats(Activation map, long elements) => At(map, elements * sizeof(float));

    /// <summary>A quantized map in the arena: pixels of a multiple of four elements.</summary>
    private Map Integers(Activation map, long pixels, int channels, int elementSize) => At(map, pixels * ((channels + 3) & ~3) * elementSize);

    private Map At(Activation map, long bytesPerImage)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        long stride = (bytesPerImage + 63) & ~63L, start = (long)Capacity * map.Offset;
        if (bytesPerImage <= 0 || map.Offset < 0 || map.Offset % 64 != 0 || start + Capacity * stride > _arena.Length)
            throw new ArgumentException($"A map of {bytesPerImage} bytes at offset {map.Offset} does not lie in the session's arena of {_arena.Length / Capacity} bytes per image.");
        return new(_arena.Pointer + start, stride);
    }

    protected override void Dispose(bool disposing)
    {
        if (_disposed) return;
        _disposed = true;
        _arena.Dispose();
        _scratch.Dispose();
        _padding.Dispose();
        _statistics.Dispose();
        _offsets.Dispose();
        _sorted.Dispose();
    }

    /// <summary>Where a map's images lie: each starts at a multiple of 64 bytes.</summary>
    private readonly struct Map(byte* start, long stride)
    {
        public byte* Start { get; } = start;
        public long Stride { get; } = stride;
        public float* Image(int image) => (float*)(Start + image * Stride);
    }
}
