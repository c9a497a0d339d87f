using Specializer.Extensions.AI;

namespace Specializer.Serving.Tests;

/// <summary>A model that draws nothing: it records what it was asked for, and can be held within a drawing. A prompt is its label; images are one pixel, the label.</summary>
internal sealed class FakeSampler(string name = "fake", int batchImages = 4) : IPromptSampler
{
    private readonly SemaphoreSlim _permits = new(0), _started = new(0);
    private volatile bool _held;

    public List<Drawn> Draws { get; } = [];

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

    public int BatchImages(float guidance) => guidance == 1 ? batchImages : batchImages / 2;

    public PromptCondition Read(string prompt) => new(int.Parse(prompt));

    public ImageBatch Draw(IReadOnlyList<PromptCondition> conditions, ulong seed, long firstImage, float guidance, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation)
    {
        lock (Draws) Draws.Add(new(string.Join(' ', conditions.Select(c => c.Label)), seed, firstImage, guidance));
        bool held = _held;
        _started.Release();
        if (held) _permits.Wait(cancellation);
        if (Failure is { } failure) throw failure;
        return new([.. conditions.Select(c => (float)c.Label)], 1, 1, 1, [.. conditions.Select((c, i) => new ImageId(seed, firstImage + i, c.Label))]);
    }

    public void Dispose() => Disposed = true;

    public sealed record Drawn(string Labels, ulong Seed, long FirstImage, float Guidance);
}
