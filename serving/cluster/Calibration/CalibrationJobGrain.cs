using Microsoft.Extensions.Options;

namespace Specializer.Cluster;

/// <inheritdoc cref="ICalibrationJobGrain"/>
internal sealed class CalibrationJobGrain([PersistentState("calibration", ClusterStorage.Name)] IPersistentState<CalibrationJobState> job, IOptions<SpecializerSiloOptions> options, TimeProvider time) : Grain, ICalibrationJobGrain
{
    private const int MostUnits = 1 << 20, MostPhases = 16, MostCharacters = 64;

    private readonly LeaseClock _clock = new(time, options.Value.LeaseTime);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        JobName.Check(this.GetPrimaryKeyString());
        return Task.CompletedTask;
    }

    public async Task<bool> Join(bool decides)
    {
        if (!job.State.Ended) return true;
        if (!decides) return false;
        job.State = new();
        await Save();
        return true;
    }

    public async Task<UnitLease?> Next(string phase, int units, string worker)
    {
        if (units is < 1 or > MostUnits || phase.Length > MostCharacters || worker.Length > 4 * MostCharacters) throw new ArgumentException($"A phase has 1 to {MostUnits} units, not {units}.");
        if (job.State.Ended) return null;
        if (!job.State.Phases.TryGetValue(phase, out RenderPlan? plan))
        {
            if (job.State.Phases.Count == MostPhases) throw new ArgumentException($"A calibration has at most {MostPhases} phases.");
            job.State.Phases.Add(phase, plan = RenderPlan.Begin(units));
        }

        bool changed = plan.Expire(Hear()).Count > 0;
        if (plan.Status != RenderStatus.Running) return null;
        UnitLease? lease = plan.Lease(worker, 1, 1, _clock.Expiry);
        if (changed || lease is not null) await Save();
        return lease ?? new(Guid.Empty, default, worker, default);
    }

    public Task<bool> Renew(string phase, Guid lease)
    {
        Hear();
        return Task.FromResult(job.State.Phases.TryGetValue(phase, out RenderPlan? plan) && plan.Renew(lease, _clock.Expiry));
    }

    public async Task Finish(string phase, Guid lease)
    {
        if (job.State.Phases.TryGetValue(phase, out RenderPlan? plan) && plan.Finish(lease, 0, 0)) await Save();
    }

    // Each unit was handed out by itself, and has a file of its own.
    public Task<PictureRange[]> Finished(string phase) =>
        Task.FromResult(job.State.Phases.TryGetValue(phase, out RenderPlan? plan) ? plan.Finished.SelectMany(r => Enumerable.Range(r.First, r.Count).Select(u => new PictureRange(u, 1))).ToArray() : []);

    public async Task End()
    {
        job.State = new() { Ended = true };
        await Save();
    }

    private DateTimeOffset Hear() => _clock.Hear(expires =>
    {
        foreach (RenderPlan phase in job.State.Phases.Values) phase.RenewAll(expires);
    });

    private async Task Save()
    {
        try
        {
            await job.WriteStateAsync();
        }
        catch
        {
            // What is kept decides: the next activation reads it, and whoever asked asks again.
            DeactivateOnIdle();
            throw;
        }
    }
}

/// <summary>What a calibration's phases have done.</summary>
[GenerateSerializer]
internal sealed class CalibrationJobState
{
    /// <summary>Units of each phase.</summary>
    [Id(0)]
    public Dictionary<string, RenderPlan> Phases { get; set; } = [];

    /// <summary>Whether the artefact is written.</summary>
    [Id(1)]
    public bool Ended { get; set; }
}
