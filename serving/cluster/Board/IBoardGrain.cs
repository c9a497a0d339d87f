using Orleans.Concurrency;

namespace Specializer.Cluster;

/// <summary>Where silos and jobs meet: silos say what they can run, and see which jobs have work. There is one, of key 0.</summary>
internal interface IBoardGrain : IGrainWithIntegerKey
{
    /// <summary>A silo says, every few seconds, what it can run.</summary>
    /// <returns>The jobs that have work for some silo, oldest first.</returns>
    [AlwaysInterleave, SilosOnly]
    Task<ActiveJob[]> Meet(SiloOffer offer);

    /// <summary>A silo stops.</summary>
    [SilosOnly]
    Task Leave(string silo);

    /// <summary>What the silos can run that were heard of lately.</summary>
    [AlwaysInterleave]
    Task<SiloOffer[]> Silos();

    /// <summary>The sampler of a name, where exactly one fits.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="hash">Its hash, or the beginning of it; null for whichever there is.</param>
    /// <exception cref="SamplerUnavailableException">None fits, or several do; the message says what the silos have.</exception>
    [AlwaysInterleave]
    Task<SamplerIdentity> Find(string name, string? hash);

    /// <summary>A job has work.</summary>
    [SilosOnly]
    Task Post(ActiveJob job);

    /// <summary>A job has no more work.</summary>
    [SilosOnly]
    Task Remove(string job);
}

/// <summary>A job that has work.</summary>
/// <param name="Name">The job's name.</param>
/// <param name="SamplerHash">Hash of the sampler that it needs.</param>
[GenerateSerializer]
internal sealed record ActiveJob([property: Id(0)] string Name, [property: Id(1)] string SamplerHash);
