using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Threading.Channels;
using Specializer.Calibration;

namespace Specializer.Gallery;

/// <summary>Draws one drawing after the other, and keeps the latest.</summary>
internal sealed class Studio(GalleryModel model, GallerySettings settings, ILogger<Studio> log) : BackgroundService
{
    /// <summary>Drawings that are kept; the oldest that has ended goes first.</summary>
    private const int Kept = 64;

    private readonly ConcurrentDictionary<string, Drawing> _drawings = new();
    private readonly Queue<Drawing> _order = new();
    // The one that is drawn has left it.
    private readonly Channel<Drawing> _waiting = Channel.CreateBounded<Drawing>(settings.Queue);

    /// <summary>Puts a drawing in the queue; null when that is full.</summary>
    /// <exception cref="ArgumentException">The model cannot draw it.</exception>
    public Drawing? Enter(DrawingRequest request)
    {
        var drawing = new Drawing(RandomNumberGenerator.GetHexString(16, lowercase: true), request, model.Read(request), settings.Patience);
        _drawings[drawing.Id] = drawing;
        if (!_waiting.Writer.TryWrite(drawing))
        {
            _drawings.TryRemove(drawing.Id, out _);
            return null;
        }

        lock (_order)
        {
            _order.Enqueue(drawing);
            while (_order.Count > Kept && _order.Peek().State > DrawingState.Running) _drawings.TryRemove(_order.Dequeue().Id, out _);
        }

        return drawing;
    }

    public Drawing? Find(string id) => _drawings.GetValueOrDefault(id);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Twice: guidance evaluates each image with its label and without.
        using SamplerSession quantized = model.Quantized.CreateSession(2);
        using SamplerSession? float32 = model.Float32?.CreateSession(2);
        // Each compiled step is a method that the runtime compiles when it first runs: nobody's drawing is timed with that.
        if (model.Quantized is not InterpretedSampler) await quantized.SampleAsync(model.Read(new(model.Examples.FirstOrDefault(), Seed: 0, Guidance: null)), cancellationToken: stoppingToken);
        await foreach (Drawing drawing in _waiting.Reader.ReadAllAsync(stoppingToken))
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(drawing.Stop, stoppingToken);
            try
            {
                if (drawing.State != DrawingState.Waiting || drawing.Abandoned) throw new OperationCanceledException();
                drawing.Begin();
                drawing.End(DrawingState.Done, await Draw(drawing, quantized, float32, stop.Token));
            }
            catch (OperationCanceledException)
            {
                drawing.End(DrawingState.Cancelled);
            }
            catch (Exception e)
            {
                // The next drawing may do better; what broke is the log's.
                log.LogError(e, "Drawing {Id} failed.", drawing.Id);
                drawing.End(DrawingState.Failed);
            }
        }
    }

    /// <summary>Both samplers take turns, step by step.</summary>
    private async Task<IReadOnlyList<ImageBatch>> Draw(Drawing drawing, SamplerSession quantized, SamplerSession? float32, CancellationToken stop)
    {
        await using IAsyncEnumerator<SamplePreview> small = quantized.PreviewAsync(drawing.Options, stop).GetAsyncEnumerator(stop);
        await using IAsyncEnumerator<SamplePreview>? large = float32?.PreviewAsync(drawing.Options, stop).GetAsyncEnumerator(stop);
        SamplePreview? reference = null;
        for (long start = Stopwatch.GetTimestamp(); await small.MoveNextAsync(); start = Stopwatch.GetTimestamp())
        {
            double smallMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            double? largeMs = null;
            start = Stopwatch.GetTimestamp();
            if (large is not null && await large.MoveNextAsync()) (largeMs, reference) = (Stopwatch.GetElapsedTime(start).TotalMilliseconds, large.Current);
            SamplePreview state = small.Current;
            StepDescription step = model.Description.Steps[state.Step - 1];
            drawing.Add(new(state.Step, state.Steps, step.Timestep, step.ActivationBits, Frame.Png(state.Images), smallMs,
                reference is null ? null : Frame.Png(reference.Images), largeMs, reference is null ? null : Frame.Snr(reference.Images, state.Images)));
            if (state.Step == state.Steps) return reference is null ? [state.Images] : [state.Images, reference.Images];
            if (drawing.Abandoned) throw new OperationCanceledException();
            if (settings.Pause > TimeSpan.Zero) await Task.Delay(settings.Pause, stop);
        }

        throw new UnreachableException();
    }
}
