namespace Specializer.Cluster;

/// <summary>Which of the silos' samplers a name and a hash mean, or why none.</summary>
internal static class SamplerSearch
{
    /// <summary>Fewest digits of a hash that say which one is meant.</summary>
    private const int ShownDigits = 12;

    /// <exception cref="SamplerUnavailableException">None fits, or several do.</exception>
    public static SamplerIdentity Find(IReadOnlyCollection<SiloOffer> silos, string name, string? hash)
    {
        SamplerOffer[] named = [.. silos.SelectMany(s => s.Samplers).Where(s => s.Sampler.Name == name)];
        SamplerIdentity[] fitting = [.. named.Select(s => s.Sampler).Where(s => hash is null || s.Hash.StartsWith(hash, StringComparison.Ordinal)).Distinct()];
        return fitting.Length == 1 ? fitting[0] : throw new SamplerUnavailableException(Reason(silos, name, hash, named, fitting));
    }

    private static string Reason(IReadOnlyCollection<SiloOffer> silos, string name, string? hash, SamplerOffer[] named, SamplerIdentity[] fitting)
    {
        if (silos.Count == 0) return "No silo has said yet what it can run. Start one with AddSpecializerSilo, or wait until it has loaded its samplers.";
        if (named.Length == 0)
        {
            string[] others = [.. silos.SelectMany(s => s.Samplers).Select(s => s.Sampler.Name).Distinct().Order()];
            return $"No silo has a sampler '{name}'; {(others.Length == 0 ? "they have none" : $"there is {string.Join(", ", others)}")}.";
        }

        string have = string.Join("; ", silos.SelectMany(silo => silo.Samplers.Where(s => s.Sampler.Name == name)
            .Select(s => $"{silo.Silo} draws {Short(s.Sampler.Hash)} (weights {Short(s.WeightsHash)}, version {s.Version}, {s.Device})")));
        return fitting.Length == 0
            ? $"No silo draws the pictures of '{name}' with the hash {Short(hash!)}: they have other weights or another version. {have}. Build all silos from the same artefact with the same version of Specializer."
            : $"Silos draw different pictures under the name '{name}': {have}. Say which by its hash, or build all silos from the same artefact with the same version of Specializer.";
    }

    private static string Short(string hash) => hash.Length <= ShownDigits ? hash : hash[..ShownDigits];
}
