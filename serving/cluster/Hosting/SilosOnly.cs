namespace Specializer.Cluster;

/// <summary>A call that silos make among themselves: a client that makes it is refused.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SilosOnlyAttribute : Attribute;

/// <summary>Refuses what only silos have to say. A silo's own calls come from a client, too, whose name is the silo's.</summary>
/// <param name="members">Knows which silos there are.</param>
internal sealed class SilosOnlyFilter(IClusterMembershipService members) : IIncomingGrainCallFilter
{
    private const string Hosted = "hosted-";

    public Task Invoke(IIncomingGrainCallContext context) =>
        context.SourceId is { } source && source.IsClient() && context.InterfaceMethod.IsDefined(typeof(SilosOnlyAttribute), inherit: false) && !IsSilo(source.Key.ToString()!)
            ? throw new UnauthorizedAccessException($"{context.InterfaceMethod.Name} is said among silos only; clients start, watch and cancel jobs.")
            : context.Invoke();

    private bool IsSilo(string client) => client.StartsWith(Hosted, StringComparison.Ordinal) && members.StatusOf(client[Hosted.Length..]) != SiloStatus.None;
}
