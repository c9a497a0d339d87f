using Microsoft.Extensions.AI;
using Orleans.GrainDirectory;
using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <inheritdoc cref="IPainterGrain"/>
[OnNamedSilo, GrainDirectory(NoDirectory.Name)]
internal sealed class PainterGrain(SamplerHost host, RequestsInHand inHand) : Grain, IPainterGrain
{
    private readonly HashSet<Guid> _inHand = [];

    public Task<bool> Has(Guid ticket) => Task.FromResult(_inHand.Contains(ticket));

    public async Task<PaintedPicture[]> Paint(PaintRequest request, IPreviewObserver? previews, CancellationToken cancellation)
    {
        if (request.Prompt is { Length: > RenderRequest.MostPromptCharacters } prompt) throw new ArgumentException($"A prompt has at most {RenderRequest.MostPromptCharacters} characters, not {prompt.Length}.");
        if (host.Find(request.SamplerHash) is not { } sampler) throw new SiloBusyException("This silo does not have the sampler (any more).");
        var properties = new AdditionalPropertiesDictionary();
        foreach (var (name, value) in new[] { (ImageProperty.Seed, request.Seed), (ImageProperty.FirstImage, request.FirstImage), (ImageProperty.Guidance, request.Guidance) })
            if (value is not null) properties[name] = value;
        if (previews is not null) properties[ImageProperty.Previews] = new PreviewSender(previews);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(Math.Clamp(request.Patience.TotalSeconds, 0, TimeSpan.SecondsPerDay)));
        using IDisposable drawing = inHand.Enter(Math.Max(1, request.Count ?? 1) / Math.Max(1e-6, sampler.Speed));
        _inHand.Add(request.Ticket);
        try
        {
            ImageGenerationResponse response = await sampler.Generator.GenerateAsync(new(request.Prompt ?? ""), new() { Count = request.Count, StreamingCount = request.Previews, AdditionalProperties = properties }, deadline.Token);
            return [.. response.Contents.Select(PaintedPicture.Of)];
        }
        catch (Exception e) when (e is ImageQueueFullException or ObjectDisposedException)
        {
            throw new SiloBusyException(e.Message);
        }
        finally
        {
            _inHand.Remove(request.Ticket);
        }
    }
}
