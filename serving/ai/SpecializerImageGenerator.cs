using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace Specializer.Extensions.AI;

/// <summary>
/// A generated sampler as <see cref="IImageGenerator"/>, in this process. Any number of threads may ask; requests that came while others were drawn are drawn together, which
/// changes nothing about their images. Dispose of it: its thread and working memory otherwise stay until the process ends.
/// </summary>
public sealed class SpecializerImageGenerator : IImageGenerator
{
    private readonly IPromptSampler _sampler;
    private readonly SpecializerImageGeneratorOptions _options;
    private readonly RequestQueue _queue;
    private readonly CancellationTokenSource _disposing = new();
    private readonly Thread _drawing;
    private int _disposed;

    /// <summary>Starts a generator.</summary>
    /// <param name="sampler">A model with a text encoder, with labels, or with neither; stays the caller's, and must live longer.</param>
    /// <param name="options">How it reads prompts and how much it takes on; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range, or a name's label is none of the model's.</exception>
    /// <exception cref="InsufficientMemoryException">The working memory does not fit this computer's.</exception>
    public SpecializerImageGenerator(Sampler sampler, SpecializerImageGeneratorOptions? options = null) : this(sampler, options ?? new(), owned: false)
    {
    }

    internal SpecializerImageGenerator(Sampler sampler, SpecializerImageGeneratorOptions options, bool owned) : this(Prompts(sampler, options, owned), options)
    {
    }

    internal SpecializerImageGenerator(IPromptSampler sampler, SpecializerImageGeneratorOptions options)
    {
        (_sampler, _options, _queue) = (sampler, options, new(options.QueueCapacity));
        _drawing = new(Draw) { IsBackground = true, Name = $"{nameof(SpecializerImageGenerator)} {sampler.Description.Name}" };
        // Without the creator's context: its activity is not the parent of all that is ever drawn.
        _drawing.UnsafeStart();
    }

    /// <summary>Draws images. Of the options it heeds <c>Count</c>, <c>StreamingCount</c> and the <see cref="ImageProperty"/>s; the size is the model's own, whatever was asked for.</summary>
    /// <param name="request">The prompt: a text for a model with a text encoder, else a label's number or name, or nothing.</param>
    /// <param name="options">What to draw.</param>
    /// <param name="cancellationToken">Acts while the request waits, and within a step unless the images are others' as well.</param>
    /// <returns>A PNG for each image, with the properties that draw it again; as raw representation the <see cref="ImageBatch"/>.</returns>
    /// <exception cref="ArgumentException">The prompt or an option does not fit the model.</exception>
    /// <exception cref="NotSupportedException">Images to edit were given, or another format was asked for.</exception>
    /// <exception cref="ImageQueueFullException">As many requests wait as may.</exception>
    /// <exception cref="ObjectDisposedException">The generator was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public async Task<ImageGenerationResponse> GenerateAsync(ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        string model = _sampler.Description.Name, outcome = "refused";
        long start = Stopwatch.GetTimestamp();
        bool entered = false;
        Activity? activity = null;
        try
        {
            ImageRequest read = ImageRequest.Read(request, options, _sampler, _options.MaximumCount);
            activity = Telemetry.StartRequest(model, read);
            var queued = new QueuedRequest(read, activity?.Context ?? default, PreviewRequest.Read(options));
            _queue.Add(queued);
            Telemetry.Entered(model);
            (entered, outcome) = (true, "failed");
            using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((QueuedRequest)state!).Cancel(token), queued);
            try
            {
                ImageBatch images = await queued.Images.ConfigureAwait(false);
                outcome = "drawn";
                return new([.. Enumerable.Range(0, images.Count).Select(i => Picture.Of(images, i, read.Guidance))]) { RawRepresentation = images };
            }
            finally
            {
                _queue.Remove(queued);
            }
        }
        catch (OperationCanceledException)
        {
            outcome = "cancelled";
            throw;
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
        finally
        {
            Telemetry.Left(model, start, outcome, entered);
            activity?.SetTag("specializer.outcome", outcome);
            activity?.Dispose();
        }
    }

    /// <summary>This object, its <see cref="ImageGeneratorMetadata"/> or its <see cref="SamplerDescription"/>.</summary>
    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ImageGeneratorMetadata)) return new ImageGeneratorMetadata("specializer", defaultModelId: _sampler.Description.Name);
        return serviceType == typeof(SamplerDescription) ? _sampler.Description : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Ends what is drawn within its current operation, fails what waits with <see cref="ObjectDisposedException"/>, and frees the working memory.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _queue.Dispose();
        _disposing.Cancel();
        _drawing.Join();
        _sampler.Dispose();
    }

    private void Draw()
    {
        try
        {
            while (true) Draw(_queue.Take(_sampler.Capacity, _disposing.Token));
        }
        catch (OperationCanceledException) when (_disposing.IsCancellationRequested)
        {
        }
    }

    private void Draw(Batch batch)
    {
        // Neither timer nor link: nothing to dispose of, and what comes late may still cancel it.
        var stop = new CancellationTokenSource();
        using CancellationTokenRegistration disposing = _disposing.Token.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), stop);
        // Images are drawn as long as one request wants them.
        Task.WhenAll(batch.Members.Select(m => m.Images)).ContinueWith(
            static (_, state) => ((CancellationTokenSource)state!).Cancel(), stop, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        using Activity? activity = Telemetry.StartBatch(_sampler.Description.Name, batch);
        try
        {
            ImageBatch images = _sampler.Draw(batch.Drawn, Telemetry.Steps(), batch.Previews, stop.Token);
            Telemetry.Drawn(_sampler.Description.Name, images.Count);
            batch.Finish(images);
        }
        catch (Exception e)
        {
            // Whatever it is, it is the callers' to see, and the next batch may do better.
            Exception told = _disposing.IsCancellationRequested ? new ObjectDisposedException(nameof(SpecializerImageGenerator)) : e;
            foreach (QueuedRequest member in batch.Members) member.Fail(told);
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
        }
    }

    private static IPromptSampler Prompts(Sampler sampler, SpecializerImageGeneratorOptions options, bool owned)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        options.Validate();
        return sampler.Description.Prompt is null ? new LabelPromptSampler(sampler, owned, options.LabelNames, options.Capacity) : new TextPromptSampler(sampler, owned, options.Capacity);
    }
}
