using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Specializer.Generated.Tests;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>A silo with certificate, secret and health endpoint.</summary>
[Collection(SilosCollection.Name)]
public sealed class SecuredClusterTests
{
    [Fact]
    public async Task A_silo_lets_in_who_has_certificate_and_secret_and_says_how_it_is()
    {
        using var folder = new TemporaryFolder();
        using X509Certificate2 certificate = Certificate(), other = Certificate();
        File.WriteAllBytes(folder.File("cluster.pfx"), certificate.Export(X509ContentType.Pkcs12));
        int[] ports = FreePorts.Take(5);
        using SiloProcess silo = await SiloProcess.Start(folder.Root, ports[0], ports[1], 0, null, "--secret=open sesame", $"--certificate={folder.File("cluster.pfx")}", $"--health-port={ports[2]}");

        await using (ClusterClient client = await Connect(certificate, "open sesame")) await client.Silos(1);
        foreach ((X509Certificate2 held, string? secret) in new[] { (certificate, "open barley"), (certificate, null), (other, "open sesame") })
        {
            string message = (await Assert.ThrowsAsync<ClusterRefusedException>(async () => await (await Connect(held, secret)).DisposeAsync())).Message;
            Assert.Contains("Secret, Certificate and ClusterId must be those of its silos", message, StringComparison.Ordinal);
        }

        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{ports[2]}") };
        string health = await http.GetStringAsync("/health");
        Assert.Contains("\"status\":\"Active\",\"silos\":1", health, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"mnist\"", health, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/")).StatusCode);

        // Silos among themselves: one that has both joins, and who has another certificate, or none, hears nothing.
        using SiloProcess second = await SiloProcess.Start(folder.Root, ports[3], ports[4], ports[0], null, "--secret=open sesame", $"--certificate={folder.File("cluster.pfx")}");
        await using (ClusterClient client = await Connect(certificate, "open sesame"))
            Assert.Equal(new[] { ports[0], ports[3] }.Select(p => $"127.0.0.1:{p}").Order(), (await client.Silos(2)).Select(s => s.Silo.Split('@')[0]).Order());
        Assert.True(await IsLetIn(ports[0], certificate));
        Assert.False(await IsLetIn(ports[0], other));
        Assert.False(await IsLetIn(ports[0], null));

        Task<ClusterClient> Connect(X509Certificate2 held, string? secret) => ClusterClient.Connect(connection =>
        {
            (connection.Certificate, connection.Secret, connection.GatewayPort) = (held, secret, ports[1]);
        });
    }

    /// <summary>Whether a silo says anything to who comes as another silo: with a secret the one that was called begins.</summary>
    private static async Task<bool> IsLetIn(int port, X509Certificate2? certificate)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(connection.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "cluster", ClientCertificates = certificate is null ? null : [certificate] });
            return await tls.ReadAsync(new byte[1]) == 1;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }

    [Fact]
    public void Samplers_are_found_in_a_programs_assembly()
    {
        using var device = new CpuDevice(1);
        using Sampler sampler = Assert.Single(SamplerAssembly.Load(typeof(MnistSampler).Assembly.Location))(device);
        Assert.Equal("mnist", sampler.Description.Name);
        Assert.Contains("no generated sampler", Assert.Throws<ArgumentException>(() => SamplerAssembly.Load(typeof(FactAttribute).Assembly.Location)).Message, StringComparison.Ordinal);
        Assert.Contains("is missing", Assert.Throws<FileNotFoundException>(() => SamplerAssembly.Load("nowhere.dll")).Message, StringComparison.Ordinal);
    }

    private static X509Certificate2 Certificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=cluster", key, HashAlgorithmName.SHA256);
        using X509Certificate2 signed = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        // As one that came from a file: ephemeral keys do not serve TLS everywhere.
        return X509CertificateLoader.LoadPkcs12(signed.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
