namespace Specializer.Cluster;

/// <summary>What silos have said that they can run. Membership alone says who is one: a silo that is slow to speak is none the less there. Any number of threads may ask.</summary>
/// <param name="members">Knows which silos are there.</param>
/// <param name="time">The clock.</param>
internal sealed class SiloTable(IClusterMembershipService members, TimeProvider time)
{
    /// <summary>How long a table that is new waits for members that have not spoken yet; less than a call's time limit.</summary>
    private static readonly TimeSpan s_introduction = TimeSpan.FromSeconds(20);

    private readonly DateTimeOffset _began = time.GetUtcNow();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SiloOffer> _silos = [];

    /// <summary>All of active silos, by name.</summary>
    public SiloOffer[] Offers
    {
        get
        {
            lock (_lock)
            {
                foreach (string silo in _silos.Keys.Where(s => !members.IsActive(s)).ToArray()) _silos.Remove(silo);
                return [.. _silos.Values.OrderBy(s => s.Silo, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>A silo says what it can run. Only what is a member is remembered: one that is not known here yet speaks again soon.</summary>
    public void Hear(SiloOffer offer)
    {
        if (!members.IsActive(offer.Silo)) return;
        lock (_lock) _silos[offer.Silo] = offer;
    }

    /// <summary>A silo stops.</summary>
    public void Forget(string silo)
    {
        lock (_lock) _silos.Remove(silo);
    }

    /// <summary>The sampler of a name, where exactly one fits.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="hash">Its hash, or the beginning of it; null for whichever there is.</param>
    /// <returns>The sampler; null where none fits and a member has not spoken yet, so that it is better asked again.</returns>
    /// <exception cref="SamplerUnavailableException">None fits, or several do; the message says what the silos have.</exception>
    public SamplerIdentity? Find(string name, string? hash)
    {
        SiloOffer[] offers = Offers;
        try
        {
            return SamplerSearch.Find(offers, name, hash);
        }
        catch (SamplerUnavailableException) when (time.GetUtcNow() - _began < s_introduction && members.CurrentSnapshot.Members.Values.Any(m => m.Status == SiloStatus.Active && !offers.Any(o => o.Silo == m.SiloAddress.ToParsableString())))
        {
            return null;
        }
    }
}
