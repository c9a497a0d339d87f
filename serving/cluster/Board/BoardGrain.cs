namespace Specializer.Cluster;

/// <inheritdoc cref="IBoardGrain"/>
/// <param name="jobs">The active jobs, kept.</param>
/// <param name="members">Knows which silos are there.</param>
/// <param name="time">The clock.</param>
internal sealed class BoardGrain([PersistentState("board", ClusterStorage.Name)] IPersistentState<BoardState> jobs, IClusterMembershipService members, TimeProvider time) : Grain, IBoardGrain
{
    /// <summary>Jobs that may have work at a time.</summary>
    public const int MostJobs = 1000;

    private const int MostSamplers = 1000;

    /// <summary>How long a board that is new waits for members that have not spoken yet; less than a call's time limit.</summary>
    private static readonly TimeSpan s_introduction = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly DateTimeOffset _began = time.GetUtcNow();
    private readonly Dictionary<string, SiloOffer> _silos = [];

    public Task<ActiveJob[]> Meet(SiloOffer offer)
    {
        if (offer.Samplers.Count > MostSamplers) throw new ArgumentException($"A silo has at most {MostSamplers} samplers, not {offer.Samplers.Count}.");
        // Only what is a member is remembered: one that is not known here yet speaks again soon.
        if (members.IsActive(offer.Silo)) _silos[offer.Silo] = offer;
        return Task.FromResult(jobs.State.Jobs.ToArray());
    }

    public Task Leave(string silo)
    {
        _silos.Remove(silo);
        return Task.CompletedTask;
    }

    public Task<SiloOffer[]> Silos() => Task.FromResult(Heard());

    public async Task<SamplerIdentity> Find(string name, string? hash)
    {
        while (true)
        {
            try
            {
                return SamplerSearch.Find(Heard(), name, hash);
            }
            catch (SamplerUnavailableException) when (time.GetUtcNow() - _began < s_introduction && members.CurrentSnapshot.Members.Values.Any(m => m.Status == SiloStatus.Active && !_silos.ContainsKey(m.SiloAddress.ToParsableString())))
            {
                // The former board's silo is lost: all have to say again what they can run.
                await Task.Delay(s_pause);
            }
        }
    }

    public async Task Post(ActiveJob job)
    {
        if (jobs.State.Jobs.Contains(job)) return;
        if (jobs.State.Jobs.Count >= MostJobs) throw new InvalidOperationException($"{MostJobs} jobs have work already, as many as may. Wait until one ends, or cancel one.");
        jobs.State.Jobs.Add(job);
        await Save();
    }

    public async Task Remove(string job)
    {
        if (jobs.State.Jobs.RemoveAll(j => j.Name == job) > 0) await Save();
    }

    private async Task Save()
    {
        try
        {
            await jobs.WriteStateAsync();
        }
        catch
        {
            // What is kept decides: the next activation reads it.
            DeactivateOnIdle();
            throw;
        }
    }

    /// <summary>What members have said. Membership alone says who is one: a silo that is slow to speak is none the less there.</summary>
    private SiloOffer[] Heard()
    {
        foreach (string silo in _silos.Keys.Where(s => !members.IsActive(s)).ToArray()) _silos.Remove(silo);
        return [.. _silos.Values.OrderBy(s => s.Silo, StringComparer.Ordinal)];
    }
}

/// <summary>What the board keeps.</summary>
[GenerateSerializer]
internal sealed class BoardState
{
    /// <summary>Jobs with work, oldest first.</summary>
    [Id(0)]
    public List<ActiveJob> Jobs { get; set; } = [];
}
