namespace Specializer.Cluster;

/// <summary>A job; its key is its name.</summary>
internal interface IRenderJobGrain : IGrainWithStringKey
{
    /// <summary>Begins the job, or goes on with it: the same request changes nothing.</summary>
    /// <exception cref="ArgumentException">The request is out of bounds, or another than the job's.</exception>
    /// <exception cref="SamplerUnavailableException">No silo can run the sampler.</exception>
    Task<RenderProgress> Start(RenderRequest request);

    /// <summary>Where it stands.</summary>
    Task<RenderProgress> Progress();

    /// <summary>Ends it; workers stop within a step.</summary>
    Task Cancel();

    /// <summary>A worker says what became of its unit, and asks for the next.</summary>
    /// <returns>The next; null when none is free.</returns>
    [SilosOnly]
    Task<UnitWork?> Exchange(WorkerReport report);

    /// <summary>A worker goes on with its unit.</summary>
    /// <returns>Whether it should.</returns>
    [SilosOnly]
    Task<bool> Renew(Guid lease);
}

/// <summary>What a worker says.</summary>
/// <param name="Worker">Who it is: the silo's address and generation.</param>
/// <param name="PicturesPerSecond">Its speed.</param>
/// <param name="Batch">Pictures that it draws at once.</param>
/// <param name="More">Whether it wants another unit.</param>
/// <param name="Ended">What became of the unit that it had; null when it had none.</param>
[GenerateSerializer]
internal sealed record WorkerReport([property: Id(0)] string Worker, [property: Id(1)] double PicturesPerSecond, [property: Id(2)] int Batch, [property: Id(3)] bool More, [property: Id(4)] UnitEnd? Ended);

/// <summary>What became of a unit.</summary>
/// <param name="Lease">Its lease.</param>
/// <param name="Finished">Whether its pictures and hashes are in the store.</param>
/// <param name="Drawn">Pictures drawn for it.</param>
/// <param name="Found">Pictures that were there already.</param>
/// <param name="Error">Why it is not finished; null where the worker just stops.</param>
[GenerateSerializer]
internal sealed record UnitEnd([property: Id(0)] Guid Lease, [property: Id(1)] bool Finished, [property: Id(2)] int Drawn, [property: Id(3)] int Found, [property: Id(4)] string? Error);

/// <summary>A unit to draw.</summary>
/// <param name="Lease">Its lease.</param>
/// <param name="Range">Its pictures.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="FirstImage">Index of the job's first picture.</param>
/// <param name="Guidance">Guidance scale; null for the one that was compiled in.</param>
/// <param name="Prompts">One a picture.</param>
/// <param name="LeaseTime">How long the lease is; it should be renewed a few times in it.</param>
[GenerateSerializer]
internal sealed record UnitWork(
    [property: Id(0)] Guid Lease, [property: Id(1)] PictureRange Range, [property: Id(2)] ulong Seed, [property: Id(3)] long FirstImage, [property: Id(4)] float? Guidance,
    [property: Id(5)] string[] Prompts, [property: Id(6)] TimeSpan LeaseTime);
