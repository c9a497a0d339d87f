using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A cluster's sampler as <see cref="IImageGenerator"/>: each request is drawn by the silo that has it soonest, together with those of other callers. When that silo is lost or full, another draws it.</summary>
internal sealed class ClusterImageGenerator(IGrainFactory grains, string sampler, string? hash, TimeSpan patience) : IImageGenerator
{
    /// <summary>Between two looks after the silo that draws, and before a full cluster is asked again.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a short question may take, the first time and again: it, or its answer, may be lost with a silo.</summary>
    private static readonly TimeSpan s_firstAnswer = TimeSpan.FromSeconds(1), s_answer = TimeSpan.FromSeconds(5);

    /// <summary>Looks in a row that do not find a request at its silo, until its answer is taken for lost.</summary>
    private const int MostMissed = 3;

    public async Task<ImageGenerationResponse> GenerateAsync(ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.OriginalImages is { } originals && originals.Any()) throw new NotSupportedException($"{sampler} draws from noise and edits no images. Leave {nameof(request.OriginalImages)} empty.");
        if (options?.ResponseFormat is not (null or ImageGenerationResponseFormat.Data)) throw new NotSupportedException($"Images come as data, not as {options.ResponseFormat}. Ask for {nameof(ImageGenerationResponseFormat.Data)}.");
        if (options?.MediaType is { } type && !type.Equals(Picture.MediaType, StringComparison.OrdinalIgnoreCase)) throw new NotSupportedException($"Images come as {Picture.MediaType}, not as {type}.");
        if (options?.ModelId is { } model && model != sampler) throw new ArgumentException($"This generator draws with {sampler}, not with {model}. Leave {nameof(options.ModelId)} out.", nameof(options));
        using Activity? activity = ClusterTelemetry.Activities.StartActivity("specializer.request", ActivityKind.Client);
        activity?.SetTag("specializer.model", sampler);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(patience);
        PreviewRequest? wanted = PreviewRequest.Read(options);
        PreviewReceiver? receiver = wanted is null ? null : new(wanted.To, deadline);
        IPreviewObserver? previews = receiver is null ? null : grains.CreateObjectReference<IPreviewObserver>(receiver);
        try
        {
            var asked = new PaintRequest(request.Prompt, options?.Count, Property(ImageProperty.Seed), Property(ImageProperty.FirstImage), Property(ImageProperty.Guidance), options?.StreamingCount);
            PaintedPicture[] pictures = await Paint(asked, previews, deadline.Token);
            return new([.. pictures.Select(p => p.Content())]);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            if (receiver?.Failure is { } failure) ExceptionDispatchInfo.Throw(failure);
            throw new TimeoutException($"The pictures were not drawn within {patience.TotalSeconds} s.");
        }
        finally
        {
            if (previews is not null) grains.DeleteObjectReference<IPreviewObserver>(previews);
            // Orleans alone would let it go meanwhile.
            GC.KeepAlive(receiver);
        }

        // Values arrive as numbers, as text, or as the JSON of either.
        string? Property(string name) => options?.AdditionalProperties?.GetValueOrDefault(name) switch
        {
            null or JsonElement { ValueKind: JsonValueKind.Null } => null,
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            var value => value.ToString(),
        };
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        return serviceType == typeof(ImageGeneratorMetadata) ? new ImageGeneratorMetadata("specializer", defaultModelId: sampler) : serviceType.IsInstanceOfType(this) ? this : null;
    }

    public void Dispose()
    {
    }

    private async Task<PaintedPicture[]> Paint(PaintRequest request, IPreviewObserver? previews, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        IRouterGrain router = grains.GetGrain<IRouterGrain>(0);
        string? failed = null;
        while (true)
        {
            if (await Again(() => router.Choose(sampler, hash, request.Count ?? 1, failed), cancellation) is not { } route)
            {
                await Task.Delay(s_pause, cancellation);
                continue;
            }

            using var call = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            IPainterGrain painter = grains.GetGrain<IPainterGrain>(route.Silo);
            Task watching = Watch(router, painter, route, call);
            try
            {
                return await router.Paint(route, request with { SamplerHash = route.SamplerHash, Ticket = route.Ticket, Patience = patience - Stopwatch.GetElapsedTime(start) }, previews, call.Token).WaitAsync(call.Token);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested && (e is OperationCanceledException || IsPassing(e)))
            {
                // Another draws it at once; where there is none, this one is asked again in a while.
                if (failed == route.Silo) await Task.Delay(s_pause, cancellation);
                failed = route.Silo;
            }
            finally
            {
                await call.CancelAsync();
                await watching;
                router.Leave(route.Ticket).Ignore();
            }
        }
    }

    /// <summary>A call to a silo that is lost, or whose answer is, would end by its own time limit only.</summary>
    private static async Task Watch(IRouterGrain router, IPainterGrain painter, Route route, CancellationTokenSource call)
    {
        try
        {
            for (int missed = 0; ;)
            {
                await Task.Delay(s_look, call.Token);
                if (!await Again(() => router.IsThere(route.Silo), call.Token)) await call.CancelAsync();
                try
                {
                    missed = await painter.Has(route.Ticket).WaitAsync(s_look, call.Token) ? 0 : missed + 1;
                }
                catch (Exception e) when (IsPassing(e))
                {
                    // Nobody knows.
                }

                if (missed == MostMissed) await call.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>What a cluster says while silos come and go passes: it is asked again until the deadline.</summary>
    private static async Task<T> Again<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        for (TimeSpan answer = s_firstAnswer; ; answer = s_answer)
        {
            try
            {
                return await call().WaitAsync(answer, cancellation);
            }
            catch (Exception e) when (IsPassing(e))
            {
                await Task.Delay(s_pause, cancellation);
            }
        }
    }

    private static bool IsPassing(Exception e) => e is TimeoutException or OrleansException or SiloBusyException;
}
