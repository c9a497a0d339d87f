namespace Specializer.Cluster;

/// <summary>Where grains keep their state: PostgreSQL, or the silos' memory.</summary>
internal static class ClusterStorage
{
    /// <summary>Name of the provider.</summary>
    public const string Name = "specializer";
}
