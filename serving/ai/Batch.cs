namespace Specializer.Extensions.AI;

/// <summary>
/// Requests that are drawn together. Within a batch the runtime has one seed with consecutive indices and one guidance scale. Requests that name no seed therefore
/// share one, each with indices of its own; requests that name one are drawn together only where they ask for the same images, some perhaps for more of them.
/// </summary>
internal sealed class Batch
{
    private readonly List<(QueuedRequest Queued, int Offset)> _members = [];
    private readonly ImageRequest _first;
    private readonly int _room;
    private int _images;

    /// <param name="first">The request that waited longest.</param>
    /// <param name="room">Images that are evaluated at once; the first request may have more.</param>
    public Batch(QueuedRequest first, int room)
    {
        (_first, _room, _images) = (first.Request, room, first.Request.Count);
        _members.Add((first, 0));
        // Below 2⁵³: the seed survives a JSON number.
        Seed = _first.Seed ?? (ulong)Random.Shared.NextInt64(1L << 53);
    }

    /// <summary>Seed of all images.</summary>
    public ulong Seed { get; }

    /// <summary>Index of the first image.</summary>
    public long FirstImage => _first.FirstImage;

    /// <summary>Guidance scale of all images.</summary>
    public float Guidance => _first.Guidance;

    /// <summary>The requests.</summary>
    public IEnumerable<QueuedRequest> Members => _members.Select(m => m.Queued);

    /// <summary>Shows the images on their way; null where no request wants to see them.</summary>
    public BatchPreviews? Previews => _members.Exists(m => m.Queued.Previews is { Count: > 0 }) ? new(_members) : null;

    /// <summary>Images to draw.</summary>
    public int Images => _images;

    /// <summary>Takes a request in if it can be drawn with the others without changing what any of them gets.</summary>
    public bool TryJoin(QueuedRequest other)
    {
        ImageRequest request = other.Request;
        if (_first.Seed is null)
        {
            if (request.Seed is not null || request.Guidance != _first.Guidance || _images + request.Count > _room) return false;
            _members.Add((other, _images));
            _images += request.Count;
            return true;
        }

        if (request with { Count = _first.Count } != _first || request.Count > Math.Max(_images, _room)) return false;
        _members.Add((other, 0));
        _images = Math.Max(_images, request.Count);
        return true;
    }

    /// <summary>One condition an image.</summary>
    public PromptCondition[] Conditions()
    {
        var conditions = new PromptCondition[_images];
        foreach (var (queued, offset) in _members) Array.Fill(conditions, queued.Request.Condition, offset, queued.Request.Count);
        return conditions;
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
}
