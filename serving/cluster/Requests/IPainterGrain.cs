using Orleans.Concurrency;

namespace Specializer.Cluster;

/// <summary>Draws requests on the silo that its key names, several callers' together.</summary>
internal interface IPainterGrain : IGrainWithStringKey
{
    /// <summary>Draws pictures.</summary>
    /// <param name="request">Which.</param>
    /// <param name="previews">Shown them on their way; null for nobody.</param>
    /// <param name="cancellation">Ends the drawing.</param>
    /// <exception cref="ArgumentException">The model cannot draw this.</exception>
    /// <exception cref="SiloBusyException">As many requests wait here as may, or the silo stops.</exception>
    [AlwaysInterleave, ResponseTimeout("01:00:00")]
    Task<PaintedPicture[]> Paint(PaintRequest request, IPreviewObserver? previews, CancellationToken cancellation);

    /// <summary>Whether a request is drawn here, or waits. Once it is neither its answer is on the way, or lost with the silo that the client's connection led to.</summary>
    /// <param name="ticket">The request's <see cref="PaintRequest.Ticket"/>.</param>
    [AlwaysInterleave]
    Task<bool> Has(Guid ticket);
}

/// <summary>Pictures that a caller waits for.</summary>
/// <param name="Prompt">What they show; null for nothing.</param>
/// <param name="Count">Number of pictures; null for 1.</param>
/// <param name="Seed">Seed of the noise, as text; null for any.</param>
/// <param name="FirstImage">Index of the first picture, as text; null for 0.</param>
/// <param name="Guidance">Guidance scale, as text; null for the one that was compiled in.</param>
/// <param name="Previews">Previews of each picture; null for one after each step.</param>
[GenerateSerializer]
internal sealed record PaintRequest(
    [property: Id(1)] string? Prompt, [property: Id(2)] int? Count, [property: Id(3)] string? Seed, [property: Id(4)] string? FirstImage, [property: Id(5)] string? Guidance,
    [property: Id(6)] int? Previews)
{
    /// <summary>Of which sampler.</summary>
    [Id(0)]
    public string SamplerHash { get; init; } = "";

    /// <summary>How long the client waits still: then the drawing ends, also where the client is there no more and cannot say so.</summary>
    [Id(8)]
    public TimeSpan Patience { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Which request it is.</summary>
    [Id(7)]
    public Guid Ticket { get; init; }
}
