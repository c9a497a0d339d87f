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
                for (int step = 0; step < d.Steps.Count; step++) sampler.RunStep(step, _execution);
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
    /// <param name="cancellation">Acts within a step.</param>
    /// <exception cref="ArgumentException">Count or index is out of range, or labels or guidance do not fit the model.</exception>
    /// <exception cref="OutOfMemoryException">All images together do not fit this computer's memory.</exception>
    /// <exception cref="InvalidOperationException">Another call is running in this session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public ImageBatch Sample(SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellation = default)
    {
        Request request = Check(options);
        Enter();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _disposing.Token);
            SamplerDescription d = _sampler.Description;
            var pixels = new float[options.Count * request.Elements];
            for (int first = 0; first < options.Count; first += request.BatchImages)
            {
                int images = Begin(options, request, first, stop.Token, cancellation);
                for (int step = 0; step < d.Steps.Count; step++)
                {
                    RunStep(step, cancellation);
                    bool last = step + 1 == d.Steps.Count;
                    progress?.Report(new(step + 1, d.Steps.Count, first + (last ? images : 0), options.Count));
                }

                Read(request.Elements, pixels.AsSpan(first * request.Elements, images * request.Elements));
            }

            return new(pixels, d.Height, d.Width, d.Channels, Ids(options, request.Labels, options.Count));
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Draws up to <see cref="Capacity"/> images, half as many under guidance, and yields their state after every step; a step runs when the next preview is asked for.</summary>
    /// <param name="options">What to draw; all images must fit one batch.</param>
    /// <param name="cancellation">Acts within a step.</param>
    /// <exception cref="ArgumentException">Labels, guidance or count do not fit.</exception>
    /// <exception cref="InvalidOperationException">Another call is running in this session.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public async IAsyncEnumerable<SamplePreview> Preview(SampleOptions options, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        Request request = Check(options);
        if (options.Count > request.BatchImages)
            throw new ArgumentException($"Previews show one batch: at most {request.BatchImages} images here, {options.Count} were asked for. Create a session with a larger capacity.");
        Enter();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _disposing.Token);
            SamplerDescription d = _sampler.Description;
            int images = Begin(options, request, 0, stop.Token, cancellation);
            ImageId[] ids = Ids(options, request.Labels, images);
            for (int step = 0; step < d.Steps.Count; step++)
            {
                int current = step;
                // A step takes milliseconds of processor time: keep it off the caller's (often the UI's) thread.
                await Task.Run(() => RunStep(current, cancellation), cancellation).ConfigureAwait(false);
                var pixels = new float[images * request.Elements];
                Read(request.Elements, pixels);
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

    private readonly record struct Request(int[] Labels, float Guidance, int BatchImages, int Elements);

    private Request Check(SampleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        SamplerDescription d = _sampler.Description;
        if (options.Count < 1) throw new ArgumentException($"Count is {options.Count}; draw at least one image.");
        int elements = d.Height * d.Width * d.Channels;
        if ((long)options.Count * elements > Array.MaxLength)
            throw new ArgumentException($"{options.Count} images do not fit one array; draw at most {Array.MaxLength / elements} at a time and go on with {nameof(SampleOptions.FirstImage)}.");
        if (options.FirstImage < 0 || options.FirstImage > long.MaxValue - (options.Count - 1))
            throw new ArgumentException($"{options.Count} images from index {options.FirstImage} on leave the indices 0 to {long.MaxValue}. Choose another {nameof(SampleOptions.FirstImage)}.");
        float guidance = options.Guidance ?? d.Guidance;
        if (!(guidance >= d.GuidanceMinimum && guidance <= d.GuidanceMaximum))
            throw new ArgumentException(FormattableString.Invariant($"Guidance {guidance} lies outside the calibrated interval [{d.GuidanceMinimum}, {d.GuidanceMaximum}]. Calibrate for it, or choose a value inside."));
        int batchImages = guidance == 1f ? _execution.Capacity : _execution.Capacity / 2;
        if (batchImages == 0)
            throw new ArgumentException("Guidance evaluates each image twice; this session's capacity is 1. Create one with capacity 2 or more.");
        return new(Labels(options, d), guidance, batchImages, elements);
    }

    private static int[] Labels(SampleOptions options, SamplerDescription d)
    {
        IReadOnlyList<int> labels = options.Labels ?? [];
        if (d.Classes == 0)
            return labels.Count == 0 ? [] : throw new ArgumentException("The model is unconditional and takes no labels.");
        if (labels.Count == 0)
        {
            if (d.NullLabel < 0) throw new ArgumentException($"The model needs a label for each image: 0 to {d.Classes - 1}.");
            labels = [d.NullLabel];
        }

        if (labels.Count != 1 && labels.Count != options.Count)
            throw new ArgumentException($"{labels.Count} labels for {options.Count} images; give one for all or one for each.");
        var all = new int[options.Count];
        for (int i = 0; i < all.Length; i++)
        {
            int label = labels[labels.Count == 1 ? 0 : i];
            if (label < 0 || label >= d.Classes)
                throw new ArgumentException($"Label {label} of image {i} is outside 0 to {d.Classes - 1}.");
            all[i] = label;
        }

        return all;
    }

    /// <param name="options">What to draw.</param>
    /// <param name="request">What follows from it.</param>
    /// <param name="first">First image of the batch.</param>
    /// <param name="stop">Cancelled by the caller, or by <see cref="Dispose"/>.</param>
    /// <param name="cancellation">The caller's own.</param>
    private int Begin(SampleOptions options, Request request, int first, CancellationToken stop, CancellationToken cancellation)
    {
        SamplerDescription d = _sampler.Description;
        int images = Math.Min(request.BatchImages, options.Count - first);
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
                _execution.Begin(d.Latent, request.Elements, new(images, options.Seed, options.FirstImage + first, request.Guidance), labels, stop);
            }
            catch (OperationCanceledException e)
            {
                throw Stopped(e, cancellation);
            }
        }

        return images;
    }

    private void RunStep(int step, CancellationToken cancellation)
    {
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            try
            {
                _sampler.RunStep(step, _execution);
            }
            catch (OperationCanceledException e)
            {
                throw Stopped(e, cancellation);
            }
        }
    }

    /// <summary>Why a call ends early. The token that the device knows is this session's; callers look for their own.</summary>
    private Exception Stopped(OperationCanceledException e, CancellationToken cancellation) =>
        _disposed ? new ObjectDisposedException(nameof(SamplerSession)) : new OperationCanceledException(e.Message, e, cancellation);

    private void Read(int elements, Span<float> pixels)
    {
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _execution.Read(_sampler.Description.Latent, elements, pixels);
        }
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
