using Orleans.GrainDirectory;

namespace Specializer.Cluster;

/// <summary>For grains that are found without a directory: by the silo in their name, or on the silo that is asked. Orleans' own is spread over the silos, and answers late while they come and go.</summary>
internal sealed class NoDirectory : IGrainDirectory
{
    public const string Name = "none";

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult((GrainAddress?)null);

    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult((GrainAddress?)address);

    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
