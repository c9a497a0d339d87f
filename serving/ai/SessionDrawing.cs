namespace Specializer.Extensions.AI;

/// <summary>Draws a batch with a session, shown on its way to those who want to see it.</summary>
internal static class SessionDrawing
{
    /// <param name="session">The session.</param>
    /// <param name="options">All images of the batch.</param>
    /// <param name="atOnce">Images that the session evaluates at once.</param>
    /// <param name="steps">Told after each step.</param>
    /// <param name="previews">Shown the images on their way; null where nobody wants to see them.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public static ImageBatch Run(SamplerSession session, SampleOptions options, int atOnce, IProgress<SampleProgress>? steps, BatchPreviews? previews, CancellationToken cancellation)
    {
        if (previews is null) return session.Sample(options, steps, cancellation);
        var pixels = new List<float>();
        var ids = new List<ImageId>();
        for (int first = 0; ;)
        {
            // An image does not depend on those beside it.
            int count = Math.Min(atOnce, options.Count - first);
            SampleOptions part = options with
            {
                Count = count, FirstImage = options.FirstImage + first,
                Labels = options.Labels.Count == options.Count ? [.. options.Labels.Skip(first).Take(count)] : options.Labels,
                Prompts = options.Prompts.Count == options.Count ? [.. options.Prompts.Skip(first).Take(count)] : options.Prompts,
            };
            ImageBatch images = null!;
            foreach (SamplePreview preview in session.PreviewAsync(part, cancellation).ToBlockingEnumerable(cancellation))
            {
                steps?.Report(new(preview.Step, preview.Steps, first, options.Count));
                if (previews.Wants(preview.Step, preview.Steps)) previews.Show(preview, first);
                images = preview.Images;
            }

            pixels.AddRange(images.Pixels.Span);
            ids.AddRange(images.Ids);
            first += count;
            if (first == options.Count) return new([.. pixels], images.Height, images.Width, images.Channels, [.. ids]);
        }
    }
}
