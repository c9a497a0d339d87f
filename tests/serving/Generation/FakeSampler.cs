using Specializer.Extensions.AI;

namespace Specializer.Serving.Tests;

/// <summary>A model that draws nothing: it records what it was asked for, and can be held within a drawing. A prompt is its label; images are one pixel, the label.</summary>
internal sealed class FakeSampler(string name = "fake", int capacity = 4) : IPromptSampler
{
    private readonly SemaphoreSlim _permits = new(0), _started = new(0);
    private volatile bool _held;

    /// <summary>What each drawing was asked for.</summary>
    public List<ImageRequest[]> Draws { get; } = [];

    public Exception? Failure { get; set; }

    public bool Disposed { get; private set; }

    public SamplerDescription Description { get; } = new()
    {
        Name = name, Height = 1, Width = 1, Channels = 1, Classes = 10, NullLabel = -1, Guidance = 1, GuidanceMinimum = 1, GuidanceMaximum = 4, BytesPerImage = 1, WeightBytes = 1,
        Float32Bytes = 1, BitOperationsSaved = 1, MultiplyAccumulates = 1, Latent = default, Vectors = default, Steps = [],
    };

    /// <summary>Holds drawings, each until <see cref="ReleaseOne"/> or <see cref="Release"/>.</summary>
    public void Hold() => _held = true;

    /// <summary>Lets the drawing that is held go on; the next is held.</summary>
    public void ReleaseOne() => _permits.Release();

    /// <summary>Holds nothing any more.</summary>
    public void Release()
    {
        _held = false;
        _permits.Release();
    }

    /// <summary>Waits until one more drawing has begun.</summary>
    public Task Started() => _started.WaitAsync();

    public int Capacity => capacity;

    public PromptCondition Read(string prompt) => new(int.Parse(prompt));

    public ImageBatch Draw(IReadOnlyList<ImageRequest> requests, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation)
    {
        lock (Draws) Draws.Add([.. requests]);
        bool held = _held;
        _started.Release();
        if (held) _permits.Wait(cancellation);
        if (Failure is { } failure) throw failure;
        ImageId[] ids = [.. requests.SelectMany(r => Enumerable.Range(0, r.Count).Select(i => new ImageId(r.Seed, r.FirstImage + i, r.Condition.Label)))];
        return new([.. ids.Select(i => (float)i.Label)], 1, 1, 1, ids);
    }

    public void Dispose() => Disposed = true;
}
