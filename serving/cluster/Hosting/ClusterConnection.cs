using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Specializer.Cluster;

/// <summary>How silos and clients find each other. The defaults are a cluster of one silo on this machine, which nothing outside it can reach.</summary>
public sealed class ClusterConnection
{
    /// <summary>Name of the cluster: silos and clients of another do not meet.</summary>
    public string ClusterId { get; set; } = "specializer";

    /// <summary>Address that a silo listens on and others reach it by; loopback unless told.</summary>
    public IPAddress Address { get; set; } = IPAddress.Loopback;

    /// <summary>Port for other silos.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>Port for clients.</summary>
    public int GatewayPort { get; set; } = 30000;

    /// <summary>Without PostgreSQL: the silo that keeps the list of silos, whose end is the cluster's; null for this one.</summary>
    public IPEndPoint? Primary { get; set; }

    /// <summary>Without PostgreSQL: where a client finds silos; empty for <see cref="Address"/> and <see cref="GatewayPort"/>.</summary>
    public IList<IPEndPoint> Gateways { get; } = [];

    /// <summary>Connection string of a PostgreSQL database that keeps silos and jobs (its schema: <see cref="PostgreSqlSchema"/>); null for the silos' memory, which is lost with them.</summary>
    public string? PostgreSql { get; set; }

    /// <summary>Port of a silo's <see cref="Address"/> that answers <c>GET /health</c>; 0 for none.</summary>
    public int HealthPort { get; set; }

    /// <summary>What all members must know to be let in; null to let everybody in who can connect. Without <see cref="Certificate"/> it keeps others out, but hides nothing.</summary>
    public string? Secret { get; set; }

    /// <summary>The cluster's one certificate, with its private key: members speak TLS with those alone who have it, too. Null for no TLS.</summary>
    public X509Certificate2? Certificate { get; set; }
}
