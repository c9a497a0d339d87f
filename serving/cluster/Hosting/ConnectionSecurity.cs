using System.Security.Cryptography.X509Certificates;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace Specializer.Cluster;

/// <summary>TLS and secret of a cluster's connections: TLS first, so that the secret is exchanged under it.</summary>
internal static class ConnectionSecurity
{
    public static void Secure(ISiloBuilder silo, ClusterConnection connection)
    {
        if (connection.Certificate is { } certificate) silo.UseTls(certificate, tls => Pin(tls, certificate));
        if (connection.Secret is not { } secret) return;
        var shared = new SharedSecret(secret);
        silo.Configure<SiloConnectionOptions>(options =>
        {
            options.ConfigureSiloInboundConnection(builder => shared.Require(builder, accepts: true));
            options.ConfigureGatewayInboundConnection(builder => shared.Require(builder, accepts: true));
            options.ConfigureSiloOutboundConnection(builder => shared.Require(builder, accepts: false));
        });
    }

    public static void Secure(IClientBuilder client, ClusterConnection connection, ClientAdmission admission)
    {
        client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(admission.Follow));
        if (connection.Certificate is { } certificate) client.UseTls(certificate, tls => Pin(tls, certificate));
        if (connection.Secret is not { } secret) return;
        var shared = new SharedSecret(secret);
        client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(builder => shared.Require(builder, accepts: false, admission.Refused)));
    }

    /// <summary>All members of a cluster have its one certificate, and talk to nobody who has not.</summary>
    private static void Pin(TlsOptions tls, X509Certificate2 certificate)
    {
        string own = certificate.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256);
        tls.RemoteCertificateMode = tls.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (other, _, _) => other.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256) == own;
        tls.OnAuthenticateAsClient = (_, options) => options.TargetHost = certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false);
    }
}
