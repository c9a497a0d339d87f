namespace Specializer.Cluster;

/// <summary>Silos by the names that they have in messages: address and generation.</summary>
internal static class SiloNames
{
    /// <summary>Whether a silo takes calls.</summary>
    public static bool IsActive(this IClusterMembershipService members, string silo) => members.StatusOf(silo) == SiloStatus.Active;

    /// <summary>Whether a silo was there and will not come back. One that has just joined may not be known here yet: it is not dead.</summary>
    public static bool IsDead(this IClusterMembershipService members, string silo) => members.StatusOf(silo) == SiloStatus.Dead;

    /// <summary>What is known of a silo.</summary>
    public static SiloStatus StatusOf(this IClusterMembershipService members, string silo) =>
        SiloAddress.TryParse(silo, null, out SiloAddress? address) ? members.CurrentSnapshot.GetSiloStatus(address) : SiloStatus.None;
}
