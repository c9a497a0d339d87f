namespace Specializer.Cluster;

/// <summary>When leases end. Workers are heard of several times in a lease: after a longer silence it is this silo that slept, or the job that has just come to it, and nobody could renew.
/// Where the clock was put back, leases would otherwise last until it has caught up.</summary>
/// <param name="time">The clock.</param>
/// <param name="lease">How long a lease is.</param>
internal sealed class LeaseClock(TimeProvider time, TimeSpan lease)
{
    private DateTimeOffset _heard = DateTimeOffset.MinValue;

    /// <summary>The end of a lease that begins now.</summary>
    public DateTimeOffset Expiry => time.GetUtcNow() + lease;

    /// <summary>Whether no worker was heard of for a lease's time.</summary>
    public bool IsSilent => time.GetUtcNow() - _heard >= lease;

    /// <summary>A worker is heard of.</summary>
    /// <param name="renewAll">Lets all leases begin anew, to end at this time: where nobody could renew, or the clock was put back.</param>
    /// <returns>The time.</returns>
    public DateTimeOffset Hear(Action<DateTimeOffset> renewAll)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (now < _heard || now - _heard > lease / 2) renewAll(now + lease);
        return _heard = now;
    }
}
