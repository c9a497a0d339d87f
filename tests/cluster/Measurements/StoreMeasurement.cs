using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Serialization;
using Orleans.Storage;

namespace Specializer.Cluster.Tests;

/// <summary>What it takes to keep a job's state, by the number of silos that draw it: as many units in hand, and finished ranges between them.</summary>
[Collection(SilosCollection.Name)]
public sealed class StoreMeasurement
{
    [MeasurementFact]
    public async Task Writing_a_job_of_many_silos()
    {
        using var postgres = new PostgresServer();
        await PostgreSqlSchema.CreateAsync(postgres.Connection);
        int[] ports = FreePorts.Take(2);
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddSpecializerSilo(_ => { }, connection => (connection.SiloPort, connection.GatewayPort, connection.PostgreSql) = (ports[0], ports[1], postgres.Connection));
        using IHost host = builder.Build();
        await host.StartAsync();
        IGrainStorage storage = host.Services.GetRequiredKeyedService<IGrainStorage>(ClusterStorage.Name);
        foreach (int count in (int[])[1, 10, 100, 1000, 3000])
        {
            RenderPlan plan = RenderPlan.Begin(1_000_000);
            UnitLease[] leases = [.. Enumerable.Range(0, 2 * count).Select(i => plan.Lease($"10.0.{i / 256}.{i % 256}:11111@{1_700_000_000 + i}", 100, 10, DateTimeOffset.UtcNow)!)];
            // The most that there can be: no two finished ranges touch.
            foreach (UnitLease lease in leases.Where((_, i) => i % 2 == 0)) plan.Finish(lease.Id, 100, 0);
            var state = new GrainState<RenderPlan>(plan);
            var id = GrainId.Create("measured", $"{count}");
            await storage.WriteStateAsync("plan", id, state);
            const int Times = 200;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Times; i++) await storage.WriteStateAsync("plan", id, state);
            double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds / Times;
            int bytes = host.Services.GetRequiredService<Serializer>().SerializeToArray(plan).Length;
            MeasurementFactAttribute.Report($"store silos={count} bytes={bytes} write_ms={milliseconds:F3}");
        }

        await host.StopAsync();
    }
}
