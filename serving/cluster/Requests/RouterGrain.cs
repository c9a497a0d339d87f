using System.Data.Common;
using Orleans.Concurrency;
using Orleans.GrainDirectory;

namespace Specializer.Cluster;

/// <inheritdoc cref="IRouterGrain"/>
/// <param name="silos">What they can run, as this silo knows it.</param>
/// <param name="inHand">What this silo must end before it stops.</param>
/// <param name="members">Knows which silos are active.</param>
/// <param name="time">The clock.</param>
[StatelessWorker(maxLocalWorkers: 1), GrainDirectory(NoDirectory.Name)]
internal sealed class RouterGrain(SiloTable silos, RequestsInHand inHand, IClusterMembershipService members, TimeProvider time) : Grain, IRouterGrain
{
    /// <summary>Requests in hand at a time; clients that take more than they end would fill the memory.</summary>
    private const int MostTickets = 10_000;

    /// <summary>More than a request may have counts as so many.</summary>
    private const int MostPictures = 1000;

    /// <summary>How old what is known of silos may be, and how long a ticket counts with which nobody comes: the answer was lost.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1), s_unclaimed = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Guid, (string Silo, double Seconds, DateTimeOffset Ends)> _tickets = [];
    private DateTimeOffset _asked;

    public override Task OnActivateAsync(CancellationToken cancellationToken) =>
        this.GetPrimaryKeyLong() == 0 ? Task.CompletedTask : throw new ArgumentException("A silo has one router, of key 0.");

    public async Task<Route?> Choose(string sampler, string? hash, int pictures, string? avoid)
    {
        DateTimeOffset now = time.GetUtcNow();
        Task refreshing = Task.CompletedTask;
        // Before: the clock was put back.
        if (now < _asked || now - _asked > s_fresh)
        {
            _asked = now;
            refreshing = Refresh();
            foreach (Guid late in _tickets.Where(t => t.Value.Ends < now).Select(t => t.Key).ToArray()) _tickets.Remove(late);
        }

        // What is known will do: a silo that is new here gets requests a second later.
        if (!Knows(sampler, hash)) await refreshing;
        if (silos.Find(sampler, hash) is not { } identity) return null;
        // A ticket is an estimate of what its silo has in hand: the one that would end first is forgotten.
        if (_tickets.Count >= MostTickets) _tickets.Remove(_tickets.MinBy(t => t.Value.Ends).Key);
        Dictionary<string, double> sent = _tickets.Values.GroupBy(t => t.Silo).ToDictionary(g => g.Key, g => g.Sum(t => t.Seconds));
        pictures = Math.Clamp(pictures, 1, MostPictures);
        (string Silo, double Seconds, double Ends)[] able =
        [
            .. from silo in silos.Offers
               let offer = silo.Samplers.FirstOrDefault(o => o.Sampler.Hash == identity.Hash)
               where offer is not null
               let seconds = pictures / Math.Max(1e-6, offer.PicturesPerSecond)
               // Others send requests, too, of which the silo tells; what it does not know of yet is on its way.
               select (silo.Silo, seconds, Math.Max(silo.SecondsInHand, sent.GetValueOrDefault(silo.Silo)) + seconds),
        ];
        if (able.Length == 0) return null;
        var chosen = able.OrderBy(s => s.Silo == avoid).ThenBy(s => s.Ends).First();
        var ticket = Guid.NewGuid();
        _tickets.Add(ticket, (chosen.Silo, chosen.Seconds, now + s_unclaimed));
        return new(chosen.Silo, ticket, identity.Hash);
    }

    public async Task<PaintedPicture[]> Paint(Route route, PaintRequest request, IPreviewObserver? previews, CancellationToken cancellation)
    {
        using IDisposable passing = inHand.Enter();
        if (_tickets.TryGetValue(route.Ticket, out var ticket)) _tickets[route.Ticket] = ticket with { Ends = DateTimeOffset.MaxValue };
        try
        {
            return await GrainFactory.GetGrain<IPainterGrain>(route.Silo).Paint(request, previews, cancellation);
        }
        finally
        {
            _tickets.Remove(route.Ticket);
        }
    }

    public Task Leave(Guid ticket)
    {
        _tickets.Remove(ticket);
        return Task.CompletedTask;
    }

    // One that stops ends first what it has in hand.
    public Task<bool> IsThere(string silo) => Task.FromResult(members.StatusOf(silo) is SiloStatus.Active or SiloStatus.ShuttingDown);

    private bool Knows(string sampler, string? hash)
    {
        try
        {
            return silos.Find(sampler, hash) is not null;
        }
        catch (SamplerUnavailableException)
        {
            return false;
        }
    }

    private async Task Refresh()
    {
        try
        {
            foreach (SiloOffer offer in await GrainFactory.GetGrain<IBoardGrain>(0).Silos()) silos.Hear(offer);
        }
        catch (Exception e) when (e is TimeoutException or OrleansException or DbException)
        {
            // The board is on its way to another silo: what was known is not wrong for that.
        }
    }
}
