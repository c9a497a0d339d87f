using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Specializer.Cluster;

/// <summary>A silo's worker: tells the board what the silo can run, takes units of jobs one at a time, and puts their pictures into the store. That it asks for work keeps work from piling up.</summary>
internal sealed class RenderWorker(SamplerHost host, RequestsInHand inHand, SiloTable silos, IPictureStore store, IGrainFactory grains, ILocalSiloDetails silo, ILogger<RenderWorker> log) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Between questions for work, and after a call that failed.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <summary>A silo that has not warmed up by then begins as it is.</summary>
    private static readonly TimeSpan s_longWarmUp = TimeSpan.FromSeconds(10);

    /// <summary>Pictures a second of the slowest sampler that is warmed up: of a slower one the first drawing would keep the silo away for longer than it gains.</summary>
    private const double SlowestWarmed = 0.5;

    private readonly CancellationTokenSource _stopping = new();
    private readonly string _name = silo.SiloAddress.ToParsableString();
    private Task _working = Task.CompletedTask;

    private IBoardGrain Board => grains.GetGrain<IBoardGrain>(0);

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(RenderWorker), ServiceLifecycleStage.Active,
        async start =>
        {
            // Then the silo is ready, and says so: what it has not done yet takes long the first time.
            await Task.Run(() => WarmUp(start), start);
            _working = Task.Run(Work, CancellationToken.None);
        },
        async _ =>
        {
            await _stopping.CancelAsync();
            await _working;
        });

    private async Task Work()
    {
        CancellationToken stopping = _stopping.Token;
        _ = Announce(stopping);
        while (!stopping.IsCancellationRequested)
        {
            bool worked = false;
            try
            {
                foreach (ActiveJob job in await Board.Meet(Offer()))
                {
                    if (host.Find(job.SamplerHash) is { } sampler) worked |= await Work(job.Name, sampler, stopping);
                }
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                log.Failed(e);
            }

            if (!worked) await Pause(stopping);
        }

        try
        {
            await Board.Leave(_name);
        }
        catch (Exception e)
        {
            log.Failed(e);
        }
    }

    /// <summary>Draws a picture as a request has it, before the board sends any: whoever came first would wait until all that code is compiled.</summary>
    private async Task WarmUp(CancellationToken cancellation)
    {
        IRouterGrain router = grains.GetGrain<IRouterGrain>(0);
        silos.Hear(Offer());
        foreach (HostedSampler sampler in host.Samplers.Where(s => s.Speed > SlowestWarmed))
        {
            SamplerIdentity identity = sampler.Identity;
            try
            {
                // Asks also for the other silos, of which clients may ask this one any time.
                await router.Choose(identity.Name, identity.Hash, 1, avoid: null).WaitAsync(s_longWarmUp, cancellation);
                await router.Paint(new(_name, Guid.Empty, identity.Hash), new(sampler.AnyPrompt, Count: 1, Seed: "0", null, null, null) { SamplerHash = identity.Hash }, previews: null, cancellation).WaitAsync(s_longWarmUp, cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                log.Failed(e);
            }
        }
    }

    private SiloOffer Offer() => new(_name, host.Samplers.Select(s => s.Offer).ToArray()) { SecondsInHand = inHand.Seconds };

    /// <summary>Keeps the board informed while units are drawn.</summary>
    private async Task Announce(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(4));
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                try
                {
                    await Board.Meet(Offer());
                }
                catch (Exception e) when (!stopping.IsCancellationRequested)
                {
                    log.Failed(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>Draws units of a job until none is free.</summary>
    /// <returns>Whether there was one.</returns>
    private async Task<bool> Work(string name, HostedSampler sampler, CancellationToken stopping)
    {
        IRenderJobGrain job = grains.GetGrain<IRenderJobGrain>(name);
        UnitEnd? ended = null;
        for (bool worked = false; ; worked = true)
        {
            UnitWork? unit = await Exchange(job, sampler, ended, stopping);
            if (unit is null) return worked;
            ended = await Draw(name, job, sampler, unit, stopping);
        }
    }

    /// <summary>A report that is lost would be a unit drawn twice: it is repeated until it arrives.</summary>
    private async Task<UnitWork?> Exchange(IRenderJobGrain job, HostedSampler sampler, UnitEnd? ended, CancellationToken stopping)
    {
        using Activity? activity = ended is null ? null : ClusterTelemetry.Activities.StartActivity("specializer.exchange");
        int tries = 0;
        while (true)
        {
            try
            {
                return await job.Exchange(new(_name, sampler.Speed, sampler.BatchImages(sampler.Guidance(null)), !stopping.IsCancellationRequested, ended));
            }
            catch (Exception e)
            {
                log.Failed(e);
                if (ended is null || (stopping.IsCancellationRequested && ++tries == 3)) return null;
                await Pause(stopping);
            }
        }
    }

    private async Task<UnitEnd> Draw(string name, IRenderJobGrain job, HostedSampler sampler, UnitWork unit, CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using Activity? activity = ClusterTelemetry.Activities.StartActivity("specializer.unit");
        activity?.SetTag("specializer.job", name).SetTag("specializer.model", sampler.Identity.Name).SetTag("specializer.first", unit.Range.First).SetTag("specializer.images", unit.Range.Count);
        Task renewing = Renew(job, unit, stop);
        try
        {
            var (drawn, found) = await UnitDrawing.Run(name, unit, sampler, store, stop.Token);
            activity?.SetTag("specializer.found", found);
            return new(unit.Lease, true, drawn, found, null);
        }
        catch (Exception e)
        {
            bool ended = e is OperationCanceledException && stop.IsCancellationRequested;
            if (!ended)
            {
                log.Failed(e);
                activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            }

            return new(unit.Lease, false, 0, 0, ended ? null : e.Message);
        }
        finally
        {
            await stop.CancelAsync();
            await renewing;
        }
    }

    /// <summary>Keeps a lease, and stops the drawing when it is none any more.</summary>
    private async Task Renew(IRenderJobGrain job, UnitWork unit, CancellationTokenSource stop)
    {
        using var timer = new PeriodicTimer(unit.LeaseTime / 4);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                try
                {
                    if (!await job.Renew(unit.Lease)) await stop.CancelAsync();
                }
                catch (Exception e) when (!stop.IsCancellationRequested)
                {
                    // The job may be on its way to another silo.
                    log.Failed(e);
                }
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
        }
    }

    private static Task Pause(CancellationToken stopping) => Task.Delay(s_pause, stopping).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
