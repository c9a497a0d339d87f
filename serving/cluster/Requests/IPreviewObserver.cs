using Orleans.Concurrency;
using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A client that looks at its pictures on their way.</summary>
internal interface IPreviewObserver : IGrainObserver
{
    /// <summary>Shows them after some step. Nobody waits for it: a preview that is lost is not sent again.</summary>
    [OneWay]
    Task Show(PaintedPreview preview);
}

/// <summary>Pictures on their way.</summary>
/// <param name="Step">Steps that are done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Pictures">The pictures.</param>
[GenerateSerializer]
internal sealed record PaintedPreview([property: Id(0)] int Step, [property: Id(1)] int Steps, [property: Id(2)] PaintedPicture[] Pictures);

/// <summary>The silo's end: sends a drawing's previews to the client.</summary>
/// <param name="client">The client.</param>
internal sealed class PreviewSender(IPreviewObserver client) : IProgress<ImagePreview>
{
    public void Report(ImagePreview value) => client.Show(new(value.Step, value.Steps, [.. value.Images.Select(PaintedPicture.Of)])).Ignore();
}

/// <summary>The client's end.</summary>
/// <param name="to">Who asked for previews.</param>
/// <param name="stop">Ends the request, when its previews cannot be looked at.</param>
internal sealed class PreviewReceiver(IProgress<ImagePreview> to, CancellationTokenSource stop) : IPreviewObserver
{
    /// <summary>Why they cannot.</summary>
    public Exception? Failure { get; private set; }

    public Task Show(PaintedPreview preview)
    {
        if (stop.IsCancellationRequested) return Task.CompletedTask;
        try
        {
            to.Report(new(preview.Step, preview.Steps, [.. preview.Pictures.Select(p => p.Content())]));
        }
        catch (Exception e)
        {
            Failure = e;
            stop.Cancel();
        }

        return Task.CompletedTask;
    }
}
