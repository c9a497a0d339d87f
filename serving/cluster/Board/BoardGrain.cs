namespace Specializer.Cluster;

/// <inheritdoc cref="IBoardGrain"/>
/// <param name="jobs">The active jobs, kept.</param>
/// <param name="time">The clock.</param>
internal sealed class BoardGrain([PersistentState("board", ClusterStorage.Name)] IPersistentState<BoardState> jobs, TimeProvider time) : Grain, IBoardGrain
{
    /// <summary>Jobs that may have work at a time.</summary>
    public const int MostJobs = 1000;

    private const int MostSilos = 10_000, MostSamplers = 1000, MostCharacters = 100;

    /// <summary>A silo that was not heard of for so long is left out. Silos speak at least every 5 seconds.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(15);

    /// <summary>Within it every silo has spoken to a board that is new.</summary>
    private static readonly TimeSpan s_introduction = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly DateTimeOffset _began = time.GetUtcNow();
    private readonly Dictionary<string, (SiloOffer Offer, DateTimeOffset Heard)> _silos = [];

    public Task<ActiveJob[]> Meet(SiloOffer offer)
    {
        if (offer.Silo.Length > MostCharacters || offer.Samplers.Count > MostSamplers || (_silos.Count >= MostSilos && !_silos.ContainsKey(offer.Silo)))
            throw new ArgumentException($"A cluster has at most {MostSilos} silos of {MostSamplers} samplers.");
        _silos[offer.Silo] = (offer, time.GetUtcNow());
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
            catch (SamplerUnavailableException) when (time.GetUtcNow() - _began < s_introduction)
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

    private SiloOffer[] Heard()
    {
        DateTimeOffset oldest = time.GetUtcNow() - s_silence;
        foreach (string silo in _silos.Where(s => s.Value.Heard < oldest).Select(s => s.Key).ToArray()) _silos.Remove(silo);
        return [.. _silos.Values.Select(s => s.Offer).OrderBy(s => s.Silo, StringComparer.Ordinal)];
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
