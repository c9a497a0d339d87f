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
    internal static int DefaultCapacity(SamplerDescription description) =>
        (int)Math.Clamp((64L << 20) / Math.Max(1, description.BytesPerImage), 2, 16);

    /// <summary>Draws images.</summary>
    /// <param name="options">What to draw.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <exception cref="ArgumentException">Count or index is out of range, or labels, tokens, inputs or guidance do not fit the model.</exception>
    /// <exception cref="InsufficientMemoryException">All images together do not fit this computer's memory.</exception>
    /// <exception cref="InvalidOperationException">Another call is running in this session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public ImageBatch Sample(SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Draw(options, SampleRequest.Of(options, _sampler), progress, cancellationToken);

    /// <param name="options">What to draw.</param>
    /// <param name="request">What follows from it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    internal ImageBatch Draw(SampleOptions options, in SampleRequest request, IProgress<SampleProgress>? progress, CancellationToken cancellationToken)
    {
        int batch = request.BatchImages(Capacity);
        Enter();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposing.Token);
            SamplerDescription d = _sampler.Description;
            float[] pixels = Pixels(options.Count * request.Elements);
            for (int first = 0; first < options.Count; first += batch)
            {
                int images = Begin(options, request, first, Math.Min(batch, options.Count - first), stop.Token, cancellationToken);
                for (int step = 0; step < d.Steps.Count; step++)
                {
                    RunStep(step, cancellationToken);
                    bool last = step + 1 == d.Steps.Count;
                    progress?.Report(new(step + 1, d.Steps.Count, first + (last ? images : 0), options.Count));
                }

                Run(_sampler.RunEnd, cancellationToken);
                Read(images, pixels.AsSpan(first * request.Elements, images * request.Elements), cancellationToken);
            }

            return new(pixels, d.Height, d.Width, d.Channels, Ids(options, request.Labels, options.Count));
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Draws images on a thread of the pool.</summary>
    /// <inheritdoc cref="Sample" path="/param"/>
    /// <inheritdoc cref="Sample" path="/exception"/>
    public Task<ImageBatch> SampleAsync(SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        SampleRequest request = SampleRequest.Of(options, _sampler);
        request.BatchImages(Capacity);
        return Task.Run(() => Draw(options, request, progress, cancellationToken), cancellationToken);
    }

    /// <summary>Draws up to <see cref="Capacity"/> images, half as many under guidance, and yields them after every step, decoded where the state is no picture; a step runs when the next preview is asked for.</summary>
    /// <param name="options">What to draw; all images must fit one batch.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <exception cref="ArgumentException">Labels, guidance or count do not fit.</exception>
    /// <exception cref="InvalidOperationException">Another call is running in this session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public IAsyncEnumerable<SamplePreview> PreviewAsync(SampleOptions options, CancellationToken cancellationToken = default)
    {
        SampleRequest request = SampleRequest.Of(options, _sampler);
        int batch = request.BatchImages(Capacity);
        if (options.Count > batch)
            throw new ArgumentException($"Previews show one batch: at most {batch} images here, {options.Count} were asked for. Create a session with a larger capacity.");
        return Previews(options, request, cancellationToken);
    }

    private async IAsyncEnumerable<SamplePreview> Previews(SampleOptions options, SampleRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Enter();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposing.Token);
            SamplerDescription d = _sampler.Description;
            int images = Begin(options, request, 0, options.Count, stop.Token, cancellationToken);
            ImageId[] ids = Ids(options, request.Labels, images);
            for (int step = 0; step < d.Steps.Count; step++)
            {
                int current = step;
                var pixels = new float[images * request.Elements];
                // A step takes milliseconds of processor time: keep it off the caller's (often the UI's) thread.
                await Task.Run(() =>
                {
                    RunStep(current, cancellationToken);
                    if (current + 1 == d.Steps.Count) Run(_sampler.RunEnd, cancellationToken);
                    Read(images, pixels, cancellationToken);
                }, cancellationToken).ConfigureAwait(false);
                yield return new(step + 1, d.Steps.Count, new(pixels, d.Height, d.Width, d.Channels, ids));
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

    /// <param name="options">What to draw.</param>
    /// <param name="request">What follows from it.</param>
    /// <param name="first">First image of the batch.</param>
    /// <param name="images">Images of the batch.</param>
    /// <param name="stop">Cancelled by the caller, or by <see cref="Dispose"/>.</param>
    /// <param name="cancellationToken">The caller's own.</param>
    private int Begin(SampleOptions options, in SampleRequest request, int first, int images, CancellationToken stop, CancellationToken cancellationToken)
    {
        SamplerDescription d = _sampler.Description;
        bool guided = request.Guidance != 1f;
        Span<int> labels = new int[guided ? 2 * images : images];
        if (request.Labels.Length == 0) labels.Clear();
        else
        {
            request.Labels.AsSpan(first, images).CopyTo(labels);
            if (guided) labels[images..].Fill(d.NullLabel);
        }

        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                _execution.Begin(new RunParameters(images, options.Seed, options.FirstImage + first, request.Guidance), labels, stop);
                request.Inputs.Write(first, images, guided, (input, rows) => _execution.Write(input.Buffer, input.Elements, rows));
                _sampler.Prepare(_execution);
                _sampler.RunBegin(_execution);
            }
            catch (OperationCanceledException e)
            {
                throw Stopped(e, cancellationToken);
            }
        }

        return images;
    }

    // The delegate is made once and its step handed over in a field: nothing is allocated per step.
    private void RunStep(int step, CancellationToken cancellationToken)
    {
        _step = step;
        Run(_runStep ??= run => _sampler.RunStep(_step, run), cancellationToken);
    }

    private Action<Execution>? _runStep;
    private int _step;

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

    private void Read(int images, Span<float> pixels, CancellationToken cancellationToken)
    {
        SamplerDescription d = _sampler.Description;
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (d.Picture is not null)
            {
                // The network's input is a scaled copy of the state; the decoder reads the state itself.
                if (d.Input is { } input) _execution.Solve(d.Steps.Count, [new SolverRegister(input).Set(1f * new SolverRegister(d.Latent))], new StateShape(d));
                // Under guidance both halves of the batch hold the same states.
                int all = _execution.Restrict(images);
                try
                {
                    _sampler.Decode(_execution);
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

            _execution.Read(d.Picture ?? d.Latent, d.ImageElements, pixels);
        }
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

    private readonly struct StateShape(SamplerDescription description) : IMapShape
    {
        public int Height => description.State?.Height ?? description.Height;
        public int Width => description.State?.Width ?? description.Width;
        public int Channels => description.State?.Channels ?? description.Channels;
        public int ElementSize => sizeof(float);
    }

    private static ImageId[] Ids(SampleOptions options, int[] labels, int count)
    {
        var ids = new ImageId[count];
        for (int i = 0; i < count; i++)
            ids[i] = new(options.Seed, options.FirstImage + i, labels.Length == 0 ? -1 : labels[i]);
        return ids;
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("This session is already drawing. A session serves one call at a time; create one for each.");
    }

    private void Exit() => Volatile.Write(ref _busy, 0);
}
