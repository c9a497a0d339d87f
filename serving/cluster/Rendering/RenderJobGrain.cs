using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Specializer.Cluster;

/// <inheritdoc cref="IRenderJobGrain"/>
internal sealed class RenderJobGrain(
    [PersistentState("job", ClusterStorage.Name)] IPersistentState<RenderJobState> job, [PersistentState("plan", ClusterStorage.Name)] IPersistentState<RenderPlan> plan,
    IPictureStore store, IClusterMembershipService members, IOptions<SpecializerSiloOptions> options, TimeProvider time, ILogger<RenderJobGrain> log) : Grain, IRenderJobGrain
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(2);

    private readonly LeaseClock _clock = new(time, options.Value.LeaseTime);
    private IGrainTimer? _finishing;

    private string Name => this.GetPrimaryKeyString();

    private IBoardGrain Board => GrainFactory.GetGrain<IBoardGrain>(0);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _clock.Hear(plan.State.RenewAll);
        if (job.State.Request is not null) log.Here(Name, plan.State.Leases.Count);
        if (plan.State.Status == RenderStatus.Finishing) Finish();
        return Task.CompletedTask;
    }

    public async Task<RenderProgress> Start(RenderRequest request)
    {
        JobName.Check(Name);
        request.Check();
        if (job.State.Request is { } known)
        {
            if (!RenderFiles.Describe(request with { Hash = job.State.Sampler!.Hash }, job.State.Sampler).AsSpan().SequenceEqual(RenderFiles.Describe(known, job.State.Sampler)))
                throw new ArgumentException($"The job '{Name}' exists and draws other pictures. Choose another name.");
            if (!Describe().Ended) await Board.Post(new(Name, job.State.Sampler!.Hash));
            return Describe();
        }

        SamplerIdentity sampler = await Board.Find(request.Sampler, request.Hash);
        byte[] description = RenderFiles.Describe(request, sampler);
        if (await store.ReadAsync(Name, RenderFiles.Job, CancellationToken.None) is { } stored && !stored.AsSpan().SequenceEqual(description))
            throw new ArgumentException($"The store has other pictures under the name '{Name}'. Choose another name, or remove them.");
        await store.WriteAsync(Name, RenderFiles.Job, description, CancellationToken.None);
        plan.State = RenderPlan.Begin(request.Count);
        await Save(plan);
        job.State = new() { Request = request, Sampler = sampler };
        await Save(job);
        await Board.Post(new(Name, sampler.Hash));
        return Describe();
    }

    public async Task<RenderProgress> Progress()
    {
        Forget();
        RenderProgress progress = Describe();
        if (progress.Status != RenderStatus.Running || progress.Workers > 0 || !_clock.IsSilent) return progress;
        try
        {
            await Board.Find(job.State.Sampler!.Name, job.State.Sampler.Hash);
            return progress;
        }
        catch (SamplerUnavailableException e)
        {
            return progress with { Remark = e.Message };
        }
    }

    public async Task Cancel()
    {
        Forget();
        if (plan.State.Status != RenderStatus.Running) return;
        plan.State.Cancel();
        await Save(plan);
        await Board.Remove(Name);
    }

    public async Task<UnitWork?> Exchange(WorkerReport report)
    {
        if (job.State.Request is not { } request)
        {
            await Board.Remove(Name);
            Forget();
            return null;
        }

        IReadOnlyList<UnitLease> taken = plan.State.Expire(_clock.Hear(plan.State.RenewAll), members.IsDead);
        foreach (UnitLease late in taken) log.TakenBack(Name, late.Worker, late.Id, late.Unit, late.Expires);
        bool changed = taken.Count > 0;
        if (report.Ended is { } ended)
        {
            changed = true;
            log.Ended(Name, report.Worker, ended.Lease, ended.Finished, ended.Drawn, ended.Found);
            if (!ended.Finished) plan.State.Return(ended.Lease, ended.Error);
            else if (!plan.State.Finish(ended.Lease, ended.Drawn, ended.Found)) log.Late(Name, report.Worker);
        }

        UnitLease? lease = null;
        // A silo that was found dead and woke up gets nothing more: it is about to learn of it.
        if (report.More && !members.IsDead(report.Worker))
        {
            double pictures = report.PicturesPerSecond * options.Value.UnitTime.TotalSeconds;
            lease = plan.State.Lease(report.Worker, (int)Math.Clamp(pictures, 1, request.Count), report.Batch, _clock.Expiry);
        }

        if (changed || lease is not null) await Save(plan);
        if (lease is not null) log.HandedOut(Name, lease.Worker, lease.Unit, lease.Id);
        if (plan.State.Status == RenderStatus.Finishing) Finish();
        else if (Describe().Ended) await Board.Remove(Name);
        return lease is null ? null : new(lease.Id, lease.Unit, request.Seed, request.FirstImage, request.Guidance,
            [.. Enumerable.Range(lease.Unit.First, lease.Unit.Count).Select(request.Prompt)], options.Value.LeaseTime);
    }

    // Not kept: an activation that follows lets all leases begin anew.
    public Task<bool> Renew(Guid lease)
    {
        _clock.Hear(plan.State.RenewAll);
        return Task.FromResult(plan.State.Renew(lease, _clock.Expiry));
    }

    /// <summary>Writes the list of hashes, until it is written.</summary>
    private void Finish() => _finishing ??= this.RegisterGrainTimer(async cancellation =>
    {
        try
        {
            if (plan.State.Status == RenderStatus.Finishing)
            {
                await RenderFiles.Finish(store, Name, job.State.Request!.Count, cancellation);
                plan.State.Status = RenderStatus.Finished;
                await Save(plan);
            }

            await Board.Remove(Name);
            _finishing?.Dispose();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.NotFinished(e, Name);
        }
    }, TimeSpan.Zero, s_again);

    private async Task Save<T>(IPersistentState<T> state)
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            // What is kept decides: the next activation reads it, and whoever asked asks again.
            DeactivateOnIdle();
            throw;
        }
    }

    /// <summary>Keeps nothing in memory for a name that is no job's: there are as many as anybody asks for.</summary>
    private void Forget()
    {
        if (job.State.Request is null) DeactivateOnIdle();
    }

    private RenderProgress Describe() => job.State.Request is not { } request
        ? new(Name, RenderStatus.None, 0, 0, 0, 0, default, 0, 0, null)
        : new(Name, plan.State.Status, request.Count, plan.State.FinishedPictures, plan.State.Leases.Count, plan.State.Units, plan.State.Reissued, plan.State.Drawn, plan.State.Found, plan.State.Error);
}

/// <summary>What a job draws; written once.</summary>
[GenerateSerializer]
internal sealed class RenderJobState
{
    /// <summary>What was asked for.</summary>
    [Id(0)]
    public RenderRequest? Request { get; set; }

    /// <summary>The sampler that this meant when the job began.</summary>
    [Id(1)]
    public SamplerIdentity? Sampler { get; set; }
}
