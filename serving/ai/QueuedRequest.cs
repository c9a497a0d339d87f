using System.Diagnostics;

namespace Specializer.Extensions.AI;

/// <summary>A request on its way to its images.</summary>
/// <param name="request">What was asked for.</param>
/// <param name="trace">The caller's activity, or default.</param>
/// <param name="previews">Who wants to see the images on their way; null for nobody.</param>
internal sealed class QueuedRequest(ImageRequest request, ActivityContext trace, PreviewRequest? previews)
{
    // Callers go on elsewhere: the thread that draws must not.
    private readonly TaskCompletionSource<ImageBatch> _images = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ImageRequest Request => request;

    public ActivityContext Trace => trace;

    public PreviewRequest? Previews => previews;

    /// <summary>The request's own images.</summary>
    public Task<ImageBatch> Images => _images.Task;

    public void Finish(ImageBatch images) => _images.TrySetResult(images);

    public void Fail(Exception error) => _images.TrySetException(error);

    public void Cancel(CancellationToken cancellation) => _images.TrySetCanceled(cancellation);
}
