namespace Specializer.Cluster;

/// <summary>Which pictures of a job are finished, being drawn and free. The job keeps it; every change is one write.</summary>
[GenerateSerializer]
internal sealed class RenderPlan
{
    /// <summary>A unit that fails once may meet a worker's bad day; so many in a row are the job's own fault.</summary>
    private const int MostFailures = 5;

    /// <summary>Names of lost workers that are kept: one learns of it within seconds, if it lives at all.</summary>
    private const int MostLost = 100;

    /// <summary>Pictures that nobody draws, in order, neighbours joined.</summary>
    [Id(0)]
    public List<PictureRange> Free { get; set; } = [];

    /// <summary>What is being drawn; a worker has one at most.</summary>
    [Id(1)]
    public List<UnitLease> Leases { get; set; } = [];

    /// <summary>Pictures that are in the store with their hashes, in order, neighbours joined.</summary>
    [Id(2)]
    public List<PictureRange> Finished { get; set; } = [];

    /// <summary>How far it is.</summary>
    [Id(3)]
    public RenderStatus Status { get; set; }

    /// <summary>Units that were handed out again.</summary>
    [Id(4)]
    public ReissuedUnits Reissued { get; set; }

    /// <summary>Pictures that workers drew for units which they finished.</summary>
    [Id(5)]
    public long Drawn { get; set; }

    /// <summary>Pictures that such workers found in the store, left there by another.</summary>
    [Id(6)]
    public long Found { get; set; }

    /// <summary>Failures since a unit was last finished.</summary>
    [Id(7)]
    public int Failures { get; set; }

    /// <summary>Why it failed.</summary>
    [Id(8)]
    public string? Error { get; set; }

    /// <summary>Units that were finished.</summary>
    [Id(9)]
    public int Units { get; set; }

    /// <summary>Workers that were found lost, the latest last. The job keeps them, for it may move to a silo that does not know yet, or to such a worker itself when it wakes up: it would get unit after unit, none of which counts.</summary>
    [Id(10)]
    public List<string> Lost { get; set; } = [];

    /// <summary>Pictures whose unit is finished.</summary>
    public int FinishedPictures => Finished.Sum(u => u.Count);

    /// <summary>A job that begins.</summary>
    public static RenderPlan Begin(int count) => new() { Free = [new(0, count)], Status = RenderStatus.Running };

    /// <summary>Hands out a unit.</summary>
    /// <param name="worker">To whom: the lease that it has already, if it has one.</param>
    /// <param name="pictures">Pictures that it draws in the time of a unit.</param>
    /// <param name="batch">Pictures that it draws at once.</param>
    /// <param name="expires">When the lease ends unless it is renewed.</param>
    /// <returns>The unit; null when none is free, or the worker was found lost.</returns>
    public UnitLease? Lease(string worker, int pictures, int batch, DateTimeOffset expires)
    {
        if (Status != RenderStatus.Running || Lost.Contains(worker)) return null;
        if (Leases.Find(l => l.Worker == worker) is { } held) return Renew(held, expires);
        if (Free.Count == 0) return null;
        // Towards the end units become smaller, so that all workers end together.
        int fair = Free.Sum(r => r.Count) / (2 * (Leases.Count + 1));
        PictureRange range = Free[0];
        int count = Math.Clamp(Math.Min(pictures, fair), Math.Max(1, Math.Min(batch, range.Count)), range.Count);
        Free[0] = new(range.First + count, range.Count - count);
        if (Free[0].Count == 0) Free.RemoveAt(0);
        var lease = new UnitLease(Guid.NewGuid(), new(range.First, count), worker, expires);
        Leases.Add(lease);
        return lease;
    }

    /// <summary>Puts a lease's end off.</summary>
    /// <returns>Whether it is one still.</returns>
    public bool Renew(Guid lease, DateTimeOffset expires) => Status == RenderStatus.Running && Leases.Find(l => l.Id == lease) is { } held && Renew(held, expires) is not null;

    /// <summary>Takes a finished unit.</summary>
    /// <returns>Whether it counts: one that was handed out again does not.</returns>
    public bool Finish(Guid lease, int drawn, int found)
    {
        if (Take(lease) is not { } unit) return false;
        Insert(Finished, unit);
        (Drawn, Found, Failures, Units) = (Drawn + drawn, Found + found, 0, Units + 1);
        if (Free.Count == 0 && Leases.Count == 0 && Status == RenderStatus.Running) Status = RenderStatus.Finishing;
        return true;
    }

    /// <summary>Takes a unit back that a worker will not finish.</summary>
    /// <param name="lease">Its lease.</param>
    /// <param name="error">Why; null for a worker that stops.</param>
    public void Return(Guid lease, string? error)
    {
        if (Take(lease) is not { } unit) return;
        Insert(Free, unit);
        Reissued = error is null ? Reissued with { Stopped = Reissued.Stopped + 1 } : Reissued with { Failed = Reissued.Failed + 1 };
        if (error is null || ++Failures < MostFailures) return;
        (Status, Error) = (RenderStatus.Failed, error);
    }

    /// <summary>Takes back what was not renewed in time, and at once what a worker had that is lost.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isLost">Whether a worker will not come back; null where nobody knows.</param>
    /// <returns>What was taken back.</returns>
    public IReadOnlyList<UnitLease> Expire(DateTimeOffset now, Func<string, bool>? isLost = null)
    {
        var taken = new List<UnitLease>();
        foreach (UnitLease lease in Leases.ToArray())
        {
            bool lost = isLost?.Invoke(lease.Worker) == true;
            if (!lost && lease.Expires > now) continue;
            Leases.Remove(lease);
            Insert(Free, lease.Unit);
            taken.Add(lease);
            Reissued = lost ? Reissued with { Lost = Reissued.Lost + 1 } : Reissued with { Lapsed = Reissued.Lapsed + 1 };
            if (!lost) continue;
            Lost.Add(lease.Worker);
            if (Lost.Count > MostLost) Lost.RemoveAt(0);
        }

        return taken;
    }

    /// <summary>Ends the job.</summary>
    public void Cancel()
    {
        if (Status != RenderStatus.Running) return;
        Status = RenderStatus.Cancelled;
        Leases.Clear();
    }

    /// <summary>Lets workers go on that have a lease: after a pause in which nobody could renew.</summary>
    public void RenewAll(DateTimeOffset expires)
    {
        for (int i = 0; i < Leases.Count; i++) Leases[i] = Leases[i] with { Expires = expires };
    }

    private UnitLease Renew(UnitLease held, DateTimeOffset expires) => Leases[Leases.IndexOf(held)] = held with { Expires = expires };

    private PictureRange? Take(Guid lease)
    {
        int at = Leases.FindIndex(l => l.Id == lease);
        if (at < 0) return null;
        PictureRange unit = Leases[at].Unit;
        Leases.RemoveAt(at);
        return unit;
    }

    private static void Insert(List<PictureRange> ranges, PictureRange unit)
    {
        int at = ranges.FindIndex(r => r.First > unit.First);
        if (at < 0) at = ranges.Count;
        ranges.Insert(at, unit);
        if (at + 1 < ranges.Count && ranges[at].End == ranges[at + 1].First) Join(at);
        if (at > 0 && ranges[at - 1].End == ranges[at].First) Join(at - 1);

        void Join(int i)
        {
            ranges[i] = new(ranges[i].First, ranges[i].Count + ranges[i + 1].Count);
            ranges.RemoveAt(i + 1);
        }
    }
}

/// <summary>A unit that a worker draws.</summary>
/// <param name="Id">Of this handing out.</param>
/// <param name="Unit">Its pictures.</param>
/// <param name="Worker">Who has it.</param>
/// <param name="Expires">When another may have it.</param>
[GenerateSerializer]
internal sealed record UnitLease([property: Id(0)] Guid Id, [property: Id(1)] PictureRange Unit, [property: Id(2)] string Worker, [property: Id(3)] DateTimeOffset Expires);
