using Specializer.Threading;

namespace Specializer;

/// <summary>A session's memory on the CPU. The operations stand in the other files of this class, one each; their arithmetic is in Kernels.</summary>
internal sealed unsafe partial class CpuExecution : Execution
{
    private readonly WorkerPool _pool;
    private readonly bool _wide;
    private readonly CpuWeights _weights;
    private readonly Activation _vectors;
    private readonly NativeBuffer _arena = new();

    internal CpuExecution(WorkerPool pool, bool wide, CpuWeights weights, long bytesPerImage, Activation vectors, int capacity)
    {
        _pool = pool;
        _wide = wide;
        _weights = weights;
        _vectors = vectors;
        Capacity = capacity;
        _arena.Reserve(checked(bytesPerImage * capacity));
    }

    public override int Capacity { get; }

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

    /// <summary>What every operation does first.</summary>
    private void Enter() => CheckRun();

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
        (long start, long stride) = Place(map, bytesPerImage, _arena.Length);
        return new(_arena.Pointer + start, stride);
    }

    protected override void Dispose(bool disposing)
    {
        if (IsDisposed) return;
        IsDisposed = true;
        _arena.Dispose();
        _scratch.Dispose();
        _padding.Dispose();
        _statistics.Dispose();
        _corrections.Dispose();
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
