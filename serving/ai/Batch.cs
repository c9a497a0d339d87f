namespace Specializer.Extensions.AI;

/// <summary>Requests that are drawn together: as many as are evaluated at once. What two of them ask for is drawn once.</summary>
internal sealed class Batch
{
    private readonly List<(QueuedRequest Queued, int Offset)> _members = [];
    private readonly List<ImageRequest> _drawn = [];
    private readonly int _capacity;
    private int _evaluations;

    /// <param name="first">The request that waited longest.</param>
    /// <param name="capacity">Evaluations at once; the first request may have more.</param>
    public Batch(QueuedRequest first, int capacity)
    {
        _capacity = capacity;
        Add(first);
    }

    /// <summary>The requests.</summary>
    public IEnumerable<QueuedRequest> Members => _members.Select(m => m.Queued);

    /// <summary>Shows the images on their way; null where no request wants to see them.</summary>
    public BatchPreviews? Previews => _members.Exists(m => m.Queued.Previews is { Count: > 0 }) ? new(_members) : null;

    /// <summary>What is drawn for them.</summary>
    public IReadOnlyList<ImageRequest> Drawn => _drawn;

    /// <summary>Images to draw.</summary>
    public int Images { get; private set; }

    /// <summary>Takes a request in if there is room for it.</summary>
    public bool TryJoin(QueuedRequest other)
    {
        int offset = 0;
        foreach (ImageRequest drawn in _drawn)
        {
            if (other.Request with { Count = drawn.Count } == drawn && other.Request.Count <= drawn.Count)
            {
                _members.Add((other, offset));
                return true;
            }

            offset += drawn.Count;
        }

        if (_evaluations + other.Request.Evaluations > _capacity) return false;
        Add(other);
        return true;
    }

    /// <summary>Gives each request its images.</summary>
    public void Finish(ImageBatch images)
    {
        int size = images.Height * images.Width * images.Channels;
        foreach (var (queued, offset) in _members)
        {
            int count = queued.Request.Count;
            queued.Finish(new(images.Pixels.Slice(offset * size, count * size).ToArray(), images.Height, images.Width, images.Channels, [.. images.Ids.Skip(offset).Take(count)]));
        }
    }

    private void Add(QueuedRequest request)
    {
        _members.Add((request, Images));
        _drawn.Add(request.Request);
        Images += request.Request.Count;
        _evaluations += request.Request.Evaluations;
    }
}
