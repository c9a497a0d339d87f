namespace Specializer.Cluster;

/// <summary>Knows how many requests each silo has in hand for a sampler, and sends the next where it is drawn soonest. Its key is the sampler's hash.</summary>
internal interface IRouterGrain : IGrainWithStringKey
{
    /// <summary>Chooses a silo.</summary>
    /// <param name="pictures">Pictures of the request.</param>
    /// <param name="patience">How long the request may take.</param>
    /// <param name="avoid">A silo that just failed; null for none.</param>
    /// <returns>Silo and ticket; null when there is none.</returns>
    Task<Route?> Choose(int pictures, TimeSpan patience, string? avoid);

    /// <summary>A request has ended.</summary>
    Task Leave(Guid ticket);

    /// <summary>Whether a silo is there still.</summary>
    Task<bool> IsThere(string silo);
}

/// <summary>Where a request goes.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Ticket">Of this request.</param>
[GenerateSerializer]
internal sealed record Route([property: Id(0)] string Silo, [property: Id(1)] Guid Ticket);
