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

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly SiloTable _silos = new(members, time);

    public Task<ActiveJob[]> Meet(SiloOffer offer)
    {
        if (offer.Samplers.Count > MostSamplers) throw new ArgumentException($"A silo has at most {MostSamplers} samplers, not {offer.Samplers.Count}.");
        _silos.Hear(offer);
        return Task.FromResult(jobs.State.Jobs.ToArray());
    }

    public Task Leave(string silo)
    {
        _silos.Forget(silo);
        return Task.CompletedTask;
    }

    public Task<SiloOffer[]> Silos() => Task.FromResult(_silos.Offers);

    public async Task<SamplerIdentity> Find(string name, string? hash)
    {
        while (true)
        {
            if (_silos.Find(name, hash) is { } sampler) return sampler;
            // The former board's silo is lost: all have to say again what they can run.
            await Task.Delay(s_pause);
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
}

/// <summary>What the board keeps.</summary>
[GenerateSerializer]
internal sealed class BoardState
{
    /// <summary>Jobs with work, oldest first.</summary>
    [Id(0)]
    public List<ActiveJob> Jobs { get; set; } = [];
}
