using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Specializer.Cluster;

/// <summary>The grain's key is the address of the silo that it lives on.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class OnNamedSiloAttribute() : PlacementAttribute(new OnNamedSilo());

/// <inheritdoc cref="OnNamedSiloAttribute"/>
[GenerateSerializer]
internal sealed class OnNamedSilo : PlacementStrategy
{
    /// <summary>The key says where it is.</summary>
    public override bool IsUsingGrainDirectory => false;
}

/// <summary>Finds the silo among those that are active.</summary>
internal sealed class OnNamedSiloDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        string name = target.GrainIdentity.Key.ToString()!;
        return Task.FromResult(context.GetCompatibleSilos(target).FirstOrDefault(s => s.ToParsableString() == name) ?? throw new SiloBusyException($"The silo {name} is not active (any more)."));
    }
}
