namespace Specializer.Extensions.AI;

/// <summary>Shows a batch on its way to those of its requests that want to see it.</summary>
/// <param name="members">The requests, and where their images begin in the batch.</param>
internal sealed class BatchPreviews(IReadOnlyList<(QueuedRequest Queued, int Offset)> members)
{
    /// <summary>Whether anybody wants to see a step.</summary>
    public bool Wants(int step, int steps) => members.Any(m => m.Queued.Previews?.Wants(step, steps) == true);

    /// <summary>Shows a step.</summary>
    /// <param name="preview">Images of the batch that are drawn at once.</param>
    /// <param name="first">The first of them in the batch.</param>
    public void Show(SamplePreview preview, int first)
    {
        foreach (var (queued, offset) in members)
        {
            if (queued.Previews is not { } previews || queued.Images.IsCompleted || !previews.Wants(preview.Step, preview.Steps)) continue;
            int from = Math.Max(offset, first), end = Math.Min(offset + queued.Request.Count, first + preview.Images.Count);
            if (from >= end) continue;
            try
            {
                previews.To.Report(new(preview.Step, preview.Steps, [.. Enumerable.Range(from, end - from).Select(i => Picture.Of(preview.Images, i - first, queued.Request.Guidance))]));
            }
            catch (Exception e)
            {
                // Whoever cannot look at his own images fails alone.
                queued.Fail(e);
            }
        }
    }
}
