namespace Specializer.Cluster;

/// <inheritdoc cref="IRouterGrain"/>
/// <param name="manager">Knows which silos are active.</param>
/// <param name="time">The clock.</param>
internal sealed class RouterGrain(IClusterMembershipService manager, TimeProvider time) : Grain, IRouterGrain
{
    /// <summary>Requests in hand at a time; clients that take more than they end would fill the memory.</summary>
    private const int MostTickets = 10_000;

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

        if (_tickets.Count >= MostTickets) throw new SiloBusyException($"{MostTickets} requests are in hand already, as many as may.");
        string hash = this.GetPrimaryKeyString();
        var inHand = _tickets.Values.GroupBy(t => t.Silo).ToDictionary(g => g.Key, g => g.Sum(t => t.Pictures));
        string? silo = _silos.Where(s => IsActive(s.Silo)).Select(s => (s.Silo, Offer: s.Samplers.FirstOrDefault(o => o.Sampler.Hash == hash))).Where(s => s.Offer is not null)
            .OrderBy(s => s.Silo == avoid).ThenBy(s => (inHand.GetValueOrDefault(s.Silo) + pictures) / s.Offer!.PicturesPerSecond).Select(s => s.Silo).FirstOrDefault();
        if (silo is null) return null;
        var ticket = Guid.NewGuid();
        _tickets.Add(ticket, (silo, pictures, now + patience));
        return new(silo, ticket);
    }

    public Task Leave(Guid ticket)
    {
        _tickets.Remove(ticket);
        return Task.CompletedTask;
    }

    public Task<bool> IsThere(string silo) => Task.FromResult(IsActive(silo));

    private bool IsActive(string silo) => manager.CurrentSnapshot.GetSiloStatus(SiloAddress.FromParsableString(silo)) == SiloStatus.Active;
}
