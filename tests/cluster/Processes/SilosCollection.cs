namespace Specializer.Cluster.Tests;

/// <summary>Tests that start processes, one after the other: each takes all processors.</summary>
[CollectionDefinition(Name)]
public sealed class SilosCollection
{
    public const string Name = "silos";
}
