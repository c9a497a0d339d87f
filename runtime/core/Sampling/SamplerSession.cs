using System.Runtime.CompilerServices;

namespace Specializer;

/// <summary>A sampler's working memory. Serves one call at a time. Dispose of it: its memory otherwise stays as long as the sampler.</summary>
public sealed class SamplerSession : IDisposable
{
    private readonly Sampler _sampler;
    private readonly Execution _execution;

    // Held while the device works, so that Dispose never frees memory under a running step.
    private readonly Lock _working = new();
    private readonly CancellationTokenSource _disposing = new();
    private int _busy;
    private volatile bool _disposed;

    internal SamplerSession(Sampler sampler, int capacity)
    {
        _sampler = sampler;
        SamplerDescription d = sampler.Description;
        _execution = sampler.Device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, capacity);
        try
        {
            _execution.Prepare(() =>
            {
                sampler.Prepare(_execution);
                sampler.RunBegin(_execution);
                if (d.Pictures is not null) PictureRun.Rehearse(sampler, _execution);
                for (int step = 0; step < d.Steps.Count; step++) sampler.RunStep(step, _execution);
                sampler.RunEnd(_execution);
                sampler.Decode(_execution);
            });
        }
        catch
        {
            _execution.Dispose();
            throw;
        }
    }

    /// <summary>Images that are evaluated at once; guidance evaluates each twice.</summary>
    public int Capacity => _execution.Capacity;

    /// <summary>Bytes of working memory that this session holds.</summary>
    public long Bytes => Capacity * _sampler.Description.BytesPerImage;

    /// <summary>As many images as keep the arena within 64 MB, between 2 and 16: enough to share weights and threads, small enough for caches.</summary>
    internal static int DefaultCapacity(long bytesPerImage) => (int)Math.Clamp((64L << 20) / Math.Max(1, bytesPerImage), 2, 16);

    /// <summary>Draws images.</summary>
    /// <param name="options">What to draw.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <exception cref="ArgumentException">Count or index is out of range, or labels, tokens, inputs or guidance do not fit the model.</exception>
    /// <exception cref="InsufficientMemoryException">All images together do not fit this computer's memory.</exception>
    /// <exception cref="InvalidOperationException">Another call is running in this session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    /// <exception cref="SamplerMismatchException">Weights that are read for the first time are damaged.</exception>
    [OverloadResolutionPriority(1)]
    public ImageBatch Sample(SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Sample([options], progress, cancellationToken);

    /// <summary>Draws the images of several requests, which share batches: seeds, labels, prompts and guidance may all differ. Each image is the same as in a call of its own.</summary>
    /// <param name="requests">What to draw.</param>
    /// <returns>The images of the first request, then those of the next.</returns>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/exception"/>
    public ImageBatch Sample(IReadOnlyList<SampleOptions> requests, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Draw(SampleCall.Of(requests, _sampler), progress, cancellationToken);

    internal ImageBatch Draw(SampleCall call, IProgress<SampleProgress>? progress, CancellationToken cancellationToken)
    {
        IEnumerable<CallImage[]> batches = call.Batches(Capacity);
        Enter();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposing.Token);
            SamplerDescription d = _sampler.Description;
            float[] pixels = Pixels(call.Images * d.ImageElements), batchPixels = Pixels(Math.Min(call.Images, Capacity) * d.ImageElements);
            int done = 0;
            foreach (CallImage[] batch in batches)
            {
                Begin(batch, stop.Token, cancellationToken);
                int first = First(batch);
                for (int step = first; step < d.Steps.Count; step++)
                {
                    RunStep(step, cancellationToken);
                    if (step + 1 == d.Steps.Count) done += batch.Length;
                    progress?.Report(new(step + 1 - first, d.Steps.Count - first, done, call.Images));
                }

                Run(_sampler.RunEnd, cancellationToken);
                Read(batch, batchPixels.AsSpan(0, batch.Length * d.ImageElements), pixels, cancellationToken);
            }

            return new(pixels, d.Height, d.Width, d.Channels, call.Ids());
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Draws images on a thread of the pool.</summary>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/exception"/>
    [OverloadResolutionPriority(1)]
    public Task<ImageBatch> SampleAsync(SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        SampleAsync([options], progress, cancellationToken);

    /// <summary>Draws the images of several requests, which share batches, on a thread of the pool.</summary>
    /// <inheritdoc cref="Sample(IReadOnlyList{SampleOptions}, IProgress{SampleProgress}, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Sample(IReadOnlyList{SampleOptions}, IProgress{SampleProgress}, CancellationToken)" path="/returns"/>
    /// <inheritdoc cref="Sample(SampleOptions, IProgress{SampleProgress}, CancellationToken)" path="/exception"/>
    public Task<ImageBatch> SampleAsync(IReadOnlyList<SampleOptions> requests, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        SampleCall call = SampleCall.Of(requests, _sampler);
        call.Batches(Capacity);
        return Task.Run(() => Draw(call, progress, cancellationToken), cancellationToken);
    }

    /// <summary>Draws up to <see cref="Capacity"/> images, half as many under guidance, and yields them after every step, decoded where the state is no picture; a step runs when the next preview is asked for.</summary>
    /// <param name="options">What to draw; all images must fit one batch.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <exception cref="ArgumentException">Labels, guidance or count do not fit.</exception>
    /// <exception cref="InvalidOperationException">Another call is running in this session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    [OverloadResolutionPriority(1)]
    public IAsyncEnumerable<SamplePreview> PreviewAsync(SampleOptions options, CancellationToken cancellationToken = default) => PreviewAsync([options], cancellationToken);

    /// <summary>Draws the images of several requests in one batch, and yields them after every step.</summary>
    /// <param name="requests">What to draw; all images must fit one batch.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <inheritdoc cref="PreviewAsync(SampleOptions, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<SamplePreview> PreviewAsync(IReadOnlyList<SampleOptions> requests, CancellationToken cancellationToken = default)
    {
        SampleCall call = SampleCall.Of(requests, _sampler);
        CallImage[] batch = call.Batches(Capacity).First();
        if (call.Images > batch.Length)
            throw new ArgumentException($"Previews show one batch: at most {batch.Length} of these images here, {call.Images} were asked for. Create a session with a larger capacity.");
        return Previews(call, batch, cancellationToken);
    }

    private async IAsyncEnumerable<SamplePreview> Previews(SampleCall call, CallImage[] batch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Enter();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposing.Token);
            SamplerDescription d = _sampler.Description;
            Begin(batch, stop.Token, cancellationToken);
            ImageId[] ids = call.Ids();
            var batchPixels = new float[batch.Length * d.ImageElements];
            int first = First(batch);
            for (int step = first; step < d.Steps.Count; step++)
            {
                int current = step;
                var pixels = new float[batchPixels.Length];
                // A step takes milliseconds of processor time: keep it off the caller's (often the UI's) thread.
                await Task.Run(() =>
                {
                    RunStep(current, cancellationToken);
                    if (current + 1 == d.Steps.Count) Run(_sampler.RunEnd, cancellationToken);
                    Read(batch, batchPixels, pixels, cancellationToken);
                }, cancellationToken).ConfigureAwait(false);
                yield return new(step + 1 - first, d.Steps.Count - first, new(pixels, d.Height, d.Width, d.Channels, ids));
            }
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Frees the working memory. A call that is running ends within its current operation, with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _disposed = true;
        _disposing.Cancel();
        lock (_working) _execution.Dispose();
        _sampler.Forget(this);
    }

    /// <param name="batch">The images; the guided ones first.</param>
    /// <param name="stop">Cancelled by the caller, or by <see cref="Dispose"/>.</param>
    /// <param name="cancellationToken">The caller's own.</param>
    private void Begin(CallImage[] batch, CancellationToken stop, CancellationToken cancellationToken)
    {
        SamplerDescription d = _sampler.Description;
        int guided = batch.Count(i => i.Request.IsGuided);
        int[] labels = d.Classes == 0 ? [] : [.. batch.Select(i => i.Request.Labels[i.Index]), .. batch.Take(guided).Select(i => d.NullLabel < 0 ? i.Request.Labels[i.Index] : d.NullLabel)];
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                _execution.Begin([.. batch.Select(i => i.Request.Image(i.Index))], labels, stop);
                if (batch[0].Request.Kind.Filled) PictureRun.EncodeKept(_sampler, _execution, batch);
                for (int input = 0; input < d.Inputs.Count; input++) Write(input, batch, guided);
                _sampler.Prepare(_execution);
                _masked = batch[0].Request.Kind.Masked;
                if (batch[0].Request.Pictures is null) _sampler.RunBegin(_execution);
                else PictureRun.Begin(_sampler, _execution, batch);
            }
            catch (OperationCanceledException e)
            {
                throw Stopped(e, cancellationToken);
            }
        }
    }

    /// <summary>What an input is given: a row for each image, then one for "none" for each guided image.</summary>
    private void Write(int input, CallImage[] batch, int guided)
    {
        if (batch[0].Request.Inputs.IsEncoded(input)) return;
        SamplerInput to = _sampler.Description.Inputs[input];
        var rows = new float[(batch.Length + guided) * to.Elements];
        for (int i = 0; i < batch.Length; i++) batch[i].Request.Inputs.Row(input, batch[i].Index).CopyTo(rows.AsSpan(i * to.Elements));
        for (int i = 0; i < guided; i++) batch[i].Request.Inputs.None(input, batch[i].Index).CopyTo(rows.AsSpan((batch.Length + i) * to.Elements));
        _execution.Write(to.Buffer, to.Elements, rows);
    }

    // The delegate is made once and its step handed over in a field: nothing is allocated per step.
    private void RunStep(int step, CancellationToken cancellationToken)
    {
        _step = step;
        Run(_runStep ??= run =>
        {
            _sampler.RunStep(_step, run);
            if (_masked) PictureRun.Keep(_sampler.Description, run, _step);
        }, cancellationToken);
    }

    private Action<Execution>? _runStep;
    private int _step;
    private bool _masked;

    private static int First(CallImage[] batch) => Math.Max(batch[0].Request.Kind.Start, 0);

    private void Run(Action<Execution> operations, CancellationToken cancellationToken)
    {
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                operations(_execution);
            }
            catch (OperationCanceledException e)
            {
                throw Stopped(e, cancellationToken);
            }
        }
    }

    /// <summary>Why a call ends early. The token that the device knows is this session's; callers look for their own.</summary>
    private Exception Stopped(OperationCanceledException e, CancellationToken cancellationToken) =>
        _disposed ? new ObjectDisposedException(nameof(SamplerSession)) : new OperationCanceledException(e.Message, e, cancellationToken);

    /// <param name="batch">The images.</param>
    /// <param name="batchPixels">Receives their pixels.</param>
    /// <param name="pixels">Those of the call: receives them in its order.</param>
    /// <param name="cancellationToken">The caller's own.</param>
    private void Read(CallImage[] batch, Span<float> batchPixels, Span<float> pixels, CancellationToken cancellationToken)
    {
        SamplerDescription d = _sampler.Description;
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (d.Picture is not null)
            {
                // The network's input is a scaled copy of the state; the decoder reads the state itself.
                if (d.Input is { } input) _execution.Solve(d.Steps.Count, [new SolverRegister(input).Set(1f * new SolverRegister(d.Latent))], new StateShape(d));
                // What guidance evaluates behind the drawn images has the same states.
                int all = _execution.Restrict(batch.Length);
                try
                {
                    if (d.Tile is null) _sampler.Decode(_execution);
                    else TiledDecoding.Decode(_sampler, _execution, batch.Length, batchPixels);
                }
                catch (OperationCanceledException e)
                {
                    throw Stopped(e, cancellationToken);
                }
                finally
                {
                    _execution.Restrict(all);
                }
            }

            if (d.Tile is null) _execution.Read(d.Picture ?? d.Latent, d.ImageElements, batchPixels);
        }

        for (int i = 0; i < batch.Length; i++)
            batchPixels.Slice(i * d.ImageElements, d.ImageElements).CopyTo(pixels[(batch[i].Place * d.ImageElements)..]);
    }

    private static float[] Pixels(int count)
    {
        try
        {
            return new float[count];
        }
        catch (OutOfMemoryException e)
        {
            throw new InsufficientMemoryException(
                FormattableString.Invariant($"The images need {count * 4L / 1048576.0:N0} MiB, which this computer does not have free. Draw fewer at a time and go on with {nameof(SampleOptions.FirstImage)}."), e);
        }
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("This session is already drawing. A session serves one call at a time; create one for each.");
    }

    private void Exit() => Volatile.Write(ref _busy, 0);
}
