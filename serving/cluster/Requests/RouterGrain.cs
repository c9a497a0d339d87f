namespace Specializer.Cluster;

/// <inheritdoc cref="IRouterGrain"/>
/// <param name="manager">Knows which silos are active.</param>
/// <param name="time">The clock.</param>
internal sealed class RouterGrain(IClusterMembershipService manager, TimeProvider time) : Grain, IRouterGrain
{
    /// <summary>Requests in hand at a time; clients that take more than they end would fill the memory.</summary>
    private const int MostTickets = 10_000;

    /// <summary>More than a request may have counts as so many.</summary>
    private const int MostPictures = 1000;

    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);

    private readonly Dictionary<Guid, (string Silo, int Pictures, DateTimeOffset Ends)> _tickets = [];
    private SiloOffer[] _silos = [];
    private DateTimeOffset _asked;

    public async Task<Route?> Choose(int pictures, TimeSpan patience, string? avoid)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (now - _asked > s_fresh)
        {
            _silos = await GrainFactory.GetGrain<IBoardGrain>(0).Silos();
            _asked = now;
            foreach (Guid late in _tickets.Where(t => t.Value.Ends < now).Select(t => t.Key).ToArray()) _tickets.Remove(late);
        }

        // A ticket is an estimate of what its silo has in hand: the one that would end first is forgotten.
        if (_tickets.Count >= MostTickets) _tickets.Remove(_tickets.MinBy(t => t.Value.Ends).Key);
        string hash = this.GetPrimaryKeyString();
        var inHand = _tickets.Values.GroupBy(t => t.Silo).ToDictionary(g => g.Key, g => g.Sum(t => t.Pictures));
        string? silo = _silos.Where(s => manager.IsActive(s.Silo)).Select(s => (s.Silo, Offer: s.Samplers.FirstOrDefault(o => o.Sampler.Hash == hash))).Where(s => s.Offer is not null)
            .OrderBy(s => s.Silo == avoid).ThenBy(s => (inHand.GetValueOrDefault(s.Silo) + (double)pictures) / s.Offer!.PicturesPerSecond).Select(s => s.Silo).FirstOrDefault();
        if (silo is null)
        {
            // Nothing is kept for a hash that no silo has: there are as many as anybody asks for.
            if (_tickets.Count == 0) DeactivateOnIdle();
            return null;
        }

        var ticket = Guid.NewGuid();
        _tickets.Add(ticket, (silo, Math.Clamp(pictures, 1, MostPictures), now + (patience < s_longest ? patience : s_longest)));
        return new(silo, ticket);
    }

    public Task Leave(Guid ticket)
    {
        _tickets.Remove(ticket);
        return Task.CompletedTask;
    }

    public Task<bool> IsThere(string silo) => Task.FromResult(manager.IsActive(silo));
}
