using System.Diagnostics;

namespace Specializer.Extensions.AI;

/// <summary>A request on its way to its images.</summary>
/// <param name="request">What was asked for.</param>
/// <param name="trace">The caller's activity, or default.</param>
internal sealed class QueuedRequest(ImageRequest request, ActivityContext trace)
{
    // Callers go on elsewhere: the thread that draws must not.
    private readonly TaskCompletionSource<ImageBatch> _images = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ImageRequest Request => request;

    public ActivityContext Trace => trace;

    /// <summary>The request's own images.</summary>
    public Task<ImageBatch> Images => _images.Task;

    public void Finish(ImageBatch images) => _images.TrySetResult(images);

    public void Fail(Exception error) => _images.TrySetException(error);

    public void Cancel(CancellationToken cancellation) => _images.TrySetCanceled(cancellation);
}
