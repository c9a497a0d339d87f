namespace Specializer.Cluster;

/// <summary>Units of a job that were handed out again, by the reason.</summary>
/// <param name="Lost">The cluster found the silo dead that drew them.</param>
/// <param name="Lapsed">The silo, dead or slow, did not renew its lease in time; what it had drawn by then is kept.</param>
/// <param name="Failed">The silo could not draw or keep them.</param>
/// <param name="Stopped">The silo stopped in good order and gave them back.</param>
[GenerateSerializer]
public readonly record struct ReissuedUnits([property: Id(0)] int Lost, [property: Id(1)] int Lapsed, [property: Id(2)] int Failed, [property: Id(3)] int Stopped)
{
    /// <summary>All of them.</summary>
    public int Total => Lost + Lapsed + Failed + Stopped;
}
