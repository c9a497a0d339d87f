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

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

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
        try
        {
            await client._host.StartAsync();
            return client;
        }
        catch
        {
            client._host.Dispose();
            throw;
        }
    }

    /// <summary>Waits until so many silos have said what they can run.</summary>
    public async Task<IReadOnlyList<SiloOffer>> Silos(int count)
    {
        IReadOnlyList<SiloOffer> silos = [];
        for (int i = 0; i < 3000; i++)
        {
            try
            {
                silos = await Cluster.SilosAsync();
                if (silos.Count == count) return silos;
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                // The board moves, or is slow.
            }

            await Task.Delay(200);
        }

        throw new TimeoutException($"{silos.Count} silos instead of {count}.");
    }

    /// <summary>The silo that a job is on; null while it is on none.</summary>
    public async Task<string?> HostOf(string job) =>
        (await Grains.GetGrain<IManagementGrain>(0).GetActivationAddress(Grains.GetGrain<IRenderJobGrain>(job)))?.ToParsableString();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
