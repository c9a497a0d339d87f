using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A cluster as a client sees it. Any number of threads may ask.</summary>
public sealed class SpecializerCluster
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(250);

    private readonly IGrainFactory _grains;

    /// <summary>Creates it.</summary>
    /// <param name="grains">The connection.</param>
    public SpecializerCluster(IGrainFactory grains) => _grains = grains;

    /// <summary>What the silos can run.</summary>
    public async Task<IReadOnlyList<SiloOffer>> SilosAsync() => await _grains.GetGrain<IBoardGrain>(0).Silos();

    /// <summary>Begins a job, or goes on with it: the same request under the same name changes nothing.</summary>
    /// <param name="job">Name of the job, and of its folder in the store: 1 to 64 of a to z, 0 to 9 and '-'.</param>
    /// <param name="request">What to draw.</param>
    /// <exception cref="ArgumentException">Name or request are out of bounds, or the job exists and draws other pictures.</exception>
    /// <exception cref="SamplerUnavailableException">No silo can run the sampler; the message says what they can.</exception>
    public Task<RenderProgress> StartAsync(string job, RenderRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Check();
        return Job(job).Start(request);
    }

    /// <summary>Where a job stands.</summary>
    /// <param name="job">Its name.</param>
    /// <exception cref="ArgumentException">This cannot be the name of a job.</exception>
    public Task<RenderProgress> ProgressAsync(string job) => Job(job).Progress();

    /// <summary>Ends a job. What was drawn stays in the store.</summary>
    /// <param name="job">Its name.</param>
    /// <exception cref="ArgumentException">This cannot be the name of a job.</exception>
    public Task CancelAsync(string job) => Job(job).Cancel();

    /// <summary>Follows a job until it ends, also while silos come and go. Leaving the loop does not end the job.</summary>
    /// <param name="job">Its name.</param>
    /// <param name="cancellationToken">Ends the loop.</param>
    /// <exception cref="ArgumentException">This cannot be the name of a job, or there is none of this name.</exception>
    public IAsyncEnumerable<RenderProgress> WatchAsync(string job, CancellationToken cancellationToken = default) => Watch(Job(job), job, cancellationToken);

    /// <summary>A sampler of the cluster as image generator: each request is drawn by the silo that has it soonest, with those of other callers. When that silo is lost, another draws it.</summary>
    /// <param name="sampler">The model's name.</param>
    /// <param name="hash">The sampler's hash, or the beginning of it; null where all silos have the same.</param>
    /// <param name="patience">How long a request may take, a day at most; null for a minute. Then it ends with <see cref="TimeoutException"/>, on the silo, too.</param>
    /// <exception cref="ArgumentOutOfRangeException">No time, or more than a day.</exception>
    public IImageGenerator CreateImageGenerator(string sampler, string? hash = null, TimeSpan? patience = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(sampler);
        TimeSpan time = patience ?? TimeSpan.FromMinutes(1);
        if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1)) throw new ArgumentOutOfRangeException(nameof(patience), "A request may take up to a day.");
        return new ClusterImageGenerator(_grains, sampler, hash, time);
    }

    /// <summary>A calibration that several processes share.</summary>
    /// <param name="key">Which one: processes with other models, options or builds say another; up to 64 of a to z, 0 to 9 and '-'.</param>
    /// <exception cref="ArgumentException">This cannot be a key.</exception>
    public CalibrationJob Calibration(string key)
    {
        JobName.Check(key);
        return new(_grains.GetGrain<ICalibrationJobGrain>(key));
    }

    private static async IAsyncEnumerable<RenderProgress> Watch(IRenderJobGrain grain, string job, [EnumeratorCancellation] CancellationToken cancellation)
    {
        for (RenderProgress? last = null; last is not { Ended: true };)
        {
            cancellation.ThrowIfCancellationRequested();
            RenderProgress? now = null;
            try
            {
                now = await grain.Progress().WaitAsync(cancellation);
            }
            catch (Exception e) when (e is TimeoutException or OrleansException or DbException)
            {
                // The job's silo is lost, and another takes it over; or no silo, or not their store, can be reached just now.
            }

            if (now?.Status == RenderStatus.None) throw new ArgumentException($"There is no job '{job}'.", nameof(job));
            if (now is not null && now != last) yield return last = now;
            else await Task.Delay(s_period, cancellation);
        }
    }

    private IRenderJobGrain Job(string name)
    {
        JobName.Check(name);
        return _grains.GetGrain<IRenderJobGrain>(name);
    }
}
