using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Specializer.Cluster.Tests;

/// <summary>A client of silos that tests started.</summary>
internal sealed class ClusterClient : IAsyncDisposable
{
    private readonly IHost _host;

    private ClusterClient(IHost host) => _host = host;

    public SpecializerCluster Cluster => _host.Services.GetRequiredService<SpecializerCluster>();

    public static async Task<ClusterClient> Connect(string? postgres, params int[] gateways)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddSpecializerClient(connection =>
        {
            connection.PostgreSql = postgres;
            foreach (int port in gateways) connection.Gateways.Add(new(IPAddress.Loopback, port));
        });
        var client = new ClusterClient(builder.Build());
        await client._host.StartAsync();
        return client;
    }

    /// <summary>Waits until so many silos have said what they can run.</summary>
    public async Task<IReadOnlyList<SiloOffer>> Silos(int count)
    {
        for (int i = 0; ; i++)
        {
            IReadOnlyList<SiloOffer> silos = await Cluster.SilosAsync();
            if (silos.Count == count) return silos;
            if (i == 300) throw new TimeoutException($"{silos.Count} silos instead of {count}.");
            await Task.Delay(200);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
