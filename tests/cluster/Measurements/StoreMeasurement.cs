using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Specializer.Cluster.Tests;

/// <summary>What it takes to keep a job's state, by the number of its finished units.</summary>
[Collection(SilosCollection.Name)]
public sealed class StoreMeasurement
{
    [MeasurementFact]
    public async Task Writing_a_job_of_many_units()
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
        foreach (int units in (int[])[1, 10, 100, 1000, 10_000, 100_000])
        {
            RenderPlan plan = RenderPlan.Begin(units);
            for (int i = 0; i < units; i++) plan.Finished.Add(new(i * 10, 10));
            var state = new GrainState<RenderPlan>(plan);
            var id = GrainId.Create("measured", $"{units}");
            await storage.WriteStateAsync("plan", id, state);
            int times = Math.Clamp(20_000 / units, 5, 100);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++) await storage.WriteStateAsync("plan", id, state);
            MeasurementFactAttribute.Report($"store units={units} write_ms={Stopwatch.GetElapsedTime(start).TotalMilliseconds / times:F3}");
        }

        await host.StopAsync();
    }
}
