using Orleans.Concurrency;

namespace Specializer.Cluster;

/// <summary>Sends requests where they are drawn soonest. Every silo has its own, of key 0, which those clients ask that are connected to it: where silos come and go, nobody waits for another's.</summary>
internal interface IRouterGrain : IGrainWithIntegerKey
{
    /// <summary>Chooses a silo.</summary>
    /// <param name="sampler">The model's name.</param>
    /// <param name="hash">The sampler's hash, or the beginning of it; null where all silos have the same.</param>
    /// <param name="pictures">Pictures of the request.</param>
    /// <param name="avoid">A silo that just failed; null for none.</param>
    /// <returns>Where it goes; null when there is none just now.</returns>
    /// <exception cref="SamplerUnavailableException">No silo can run the sampler.</exception>
    [AlwaysInterleave]
    Task<Route?> Choose(string sampler, string? hash, int pictures, string? avoid);

    /// <summary>Passes a request on to the silo that was chosen: this one stops after it has passed the answer back.</summary>
    /// <inheritdoc cref="IPainterGrain.Paint"/>
    [AlwaysInterleave, ResponseTimeout("01:00:00")]
    Task<PaintedPicture[]> Paint(Route route, PaintRequest request, IPreviewObserver? previews, CancellationToken cancellation);

    /// <summary>A request has ended.</summary>
    [AlwaysInterleave]
    Task Leave(Guid ticket);

    /// <summary>Whether a silo may answer still.</summary>
    [AlwaysInterleave]
    Task<bool> IsThere(string silo);
}

/// <summary>Where a request goes.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Ticket">Of this request.</param>
/// <param name="SamplerHash">The sampler that was meant.</param>
[GenerateSerializer]
internal sealed record Route([property: Id(0)] string Silo, [property: Id(1)] Guid Ticket, [property: Id(2)] string SamplerHash);
