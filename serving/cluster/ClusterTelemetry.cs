using System.Diagnostics;

namespace Specializer.Cluster;

/// <summary>Activities of a cluster (docs/cluster.md lists them). Orleans carries them from process to process.</summary>
internal static class ClusterTelemetry
{
    public const string Name = "Specializer.Cluster";

    public static readonly ActivitySource Activities = new(Name);
}
