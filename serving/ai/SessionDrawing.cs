namespace Specializer.Extensions.AI;

/// <summary>Draws requests with a session, shown on their way to those who want to see them.</summary>
internal static class SessionDrawing
{
    /// <param name="session">The session.</param>
    /// <param name="requests">What to draw.</param>
    /// <param name="options">A request in the session's terms.</param>
    /// <param name="steps">Told after each step.</param>
    /// <param name="previews">Shown the images on their way; null where nobody wants to see them.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public static ImageBatch Run(
        SamplerSession session, IReadOnlyList<ImageRequest> requests, Func<ImageRequest, SampleOptions> options, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation)
    {
        if (previews is null) return session.Sample([.. requests.Select(options)], steps, cancellation);
        int images = requests.Sum(r => r.Count);
        var pixels = new List<float>();
        var ids = new List<ImageId>();
        ImageBatch drawn = null!;
        foreach (List<ImageRequest> part in Parts(requests, session.Capacity))
        {
            foreach (SamplePreview preview in session.PreviewAsync([.. part.Select(options)], cancellation).ToBlockingEnumerable(cancellation))
            {
                steps?.Report(new(preview.Step, preview.Steps, ids.Count, images));
                if (previews.Wants(preview.Step, preview.Steps)) previews.Show(preview, ids.Count);
                drawn = preview.Images;
            }

            pixels.AddRange(drawn.Pixels.Span);
            ids.AddRange(drawn.Ids);
        }

        return new([.. pixels], drawn.Height, drawn.Width, drawn.Channels, [.. ids]);
    }

    /// <summary>As many at a time as are evaluated at once: previews show one batch, and an image does not depend on those beside it.</summary>
    private static IEnumerable<List<ImageRequest>> Parts(IReadOnlyList<ImageRequest> requests, int capacity)
    {
        var part = new List<ImageRequest>();
        int free = capacity;
        foreach (ImageRequest request in requests)
        {
            int each = request.Evaluations / request.Count;
            for (int done = 0, count; done < request.Count; done += count)
            {
                if (free < each && part.Count > 0)
                {
                    yield return part;
                    part = [];
                    free = capacity;
                }

                // What does not fit at all the session refuses.
                count = Math.Min(request.Count - done, Math.Max(1, free / each));
                part.Add(request with { Count = count, FirstImage = request.FirstImage + done });
                free -= count * each;
            }
        }

        yield return part;
    }
}
