namespace Specializer.Cluster;

/// <summary>How far a job is.</summary>
public enum RenderStatus
{
    /// <summary>There is no such job.</summary>
    None,
    /// <summary>Pictures are missing.</summary>
    Running,
    /// <summary>All pictures are there; the list of their hashes is being written.</summary>
    Finishing,
    /// <summary>Pictures and list are there.</summary>
    Finished,
    /// <summary>It was cancelled; the pictures drawn until then stay.</summary>
    Cancelled,
    /// <summary>Its pictures cannot be drawn.</summary>
    Failed,
}

/// <summary>Where a job stands.</summary>
/// <param name="Job">Its name.</param>
/// <param name="Status">How far it is.</param>
/// <param name="Pictures">Pictures in all.</param>
/// <param name="Finished">Pictures that are in the store, in units that are finished.</param>
/// <param name="Workers">Silos that draw for it now.</param>
/// <param name="Units">Units that are finished.</param>
/// <param name="Reissued">Units that were handed out again, and why.</param>
/// <param name="Drawn">Pictures drawn for the finished units.</param>
/// <param name="Found">Pictures of the finished units that another worker had drawn before it was lost: they were not drawn again.</param>
/// <param name="Remark">Why nothing goes on, or why it failed; null where all is well.</param>
[GenerateSerializer]
public sealed record RenderProgress(
    [property: Id(0)] string Job, [property: Id(1)] RenderStatus Status, [property: Id(2)] int Pictures, [property: Id(3)] int Finished, [property: Id(4)] int Workers, [property: Id(5)] int Units,
    [property: Id(6)] ReissuedUnits Reissued, [property: Id(7)] long Drawn, [property: Id(8)] long Found, [property: Id(9)] string? Remark)
{
    /// <summary>Whether nothing more happens to it.</summary>
    public bool Ended => Status is RenderStatus.Finished or RenderStatus.Cancelled or RenderStatus.Failed;
}
