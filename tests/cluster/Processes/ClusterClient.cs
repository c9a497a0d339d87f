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

    public static Task<ClusterClient> Connect(string? postgres, params int[] gateways) => Connect(connection =>
    {
        connection.PostgreSql = postgres;
        foreach (int port in gateways) connection.Gateways.Add(new(IPAddress.Loopback, port));
    });

    public static async Task<ClusterClient> Connect(Action<ClusterConnection> connect)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddSpecializerClient(connect);
        var client = new ClusterClient(builder.Build());
        // Who is not let in may wait for an answer that never comes.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await client._host.StartAsync(patience.Token).WaitAsync(patience.Token);
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
