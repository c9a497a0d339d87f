namespace Specializer;

/// <summary>The requests of one call, and which of their images are evaluated together.</summary>
internal sealed class SampleCall
{
    private readonly SampleRequest[] _requests;

    private SampleCall(SampleRequest[] requests, int images) => (_requests, Images) = (requests, images);

    /// <summary>Images of all requests.</summary>
    public int Images { get; }

    /// <param name="requests">What to draw.</param>
    /// <param name="sampler">The sampler.</param>
    /// <exception cref="ArgumentNullException">No options.</exception>
    /// <exception cref="ArgumentException">There is none, or count or index is out of range, or labels, tokens, inputs or guidance do not fit the model.</exception>
    public static SampleCall Of(IReadOnlyList<SampleOptions> requests, Sampler sampler)
    {
        ArgumentNullException.ThrowIfNull(requests);
        if (requests.Count == 0) throw new ArgumentException("Draw at least one request.");
        long images = requests.Sum(r => (long)(r ?? throw new ArgumentNullException(nameof(requests))).Count);
        int most = Array.MaxLength / sampler.Description.ImageElements;
        if (images > most)
            throw new ArgumentException($"{images} images do not fit one array; draw at most {most} at a time and go on with {nameof(SampleOptions.FirstImage)}.");
        return new([.. requests.Select(Read)], (int)images);

        SampleRequest Read(SampleOptions options, int index)
        {
            try
            {
                return SampleRequest.Of(options, sampler);
            }
            catch (ArgumentException e) when (requests.Count > 1)
            {
                throw new ArgumentException($"Request {index}: {e.Message}", e);
            }
        }
    }

    /// <summary>What draws each image again.</summary>
    public ImageId[] Ids() => [.. _requests.SelectMany(r => Enumerable.Range(0, r.Options.Count).Select(r.Id))];

    /// <summary>The images in their order, as many at a time as a session evaluates; of each batch the guided ones first.</summary>
    /// <param name="capacity">Evaluations at once: a guided image takes two.</param>
    /// <exception cref="ArgumentException">A guided image does not fit.</exception>
    public IEnumerable<CallImage[]> Batches(int capacity)
    {
        if (capacity < 2 && _requests.Any(r => r.IsGuided))
            throw new ArgumentException("Guidance evaluates each image twice; this session's capacity is 1. Create one with capacity 2 or more.");
        return Split();

        IEnumerable<CallImage[]> Split()
        {
            var batch = new List<CallImage>(capacity);
            int place = 0, free = capacity;
            foreach (SampleRequest request in _requests)
            {
                int evaluations = request.IsGuided ? 2 : 1;
                for (int i = 0; i < request.Options.Count; i++, place++, free -= evaluations)
                {
                    if (free < evaluations || (batch.Count > 0 && batch[0].Request.Kind != request.Kind))
                    {
                        yield return InOrder(batch);
                        batch.Clear();
                        free = capacity;
                    }

                    batch.Add(new(request, i, place));
                }
            }

            yield return InOrder(batch);
        }

        static CallImage[] InOrder(List<CallImage> batch) => [.. batch.OrderByDescending(i => i.Request.IsGuided)];
    }
}

/// <summary>An image of a call.</summary>
/// <param name="Request">Who asks for it.</param>
/// <param name="Index">Which of the request's.</param>
/// <param name="Place">Which of the call's.</param>
internal readonly record struct CallImage(SampleRequest Request, int Index, int Place);
