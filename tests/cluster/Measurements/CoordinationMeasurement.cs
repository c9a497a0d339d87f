using System.Diagnostics;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>What it costs to share a job: real silos, store and database, and samplers that wait instead of computing, so that five of them do not disturb each other on this machine.</summary>
[Collection(SilosCollection.Name)]
public sealed class CoordinationMeasurement
{
    private const double Pace = 0.1, UnitSeconds = 5, JobSeconds = 50;

    [MeasurementFact]
    public async Task Units_of_5_seconds_on_1_to_5_silos()
    {
        using var folder = new TemporaryFolder();
        using var postgres = new PostgresServer();
        await PostgreSqlSchema.CreateAsync(postgres.Connection);
        await using var silos = new SiloFleet(folder.Root, postgres.Connection, FormattableString.Invariant($"--unit={UnitSeconds}"), FormattableString.Invariant($"--pace={Pace}"), "--activities=true");
        await silos.Start(1);
        await using ClusterClient client = await ClusterClient.Connect(postgres.Connection);
        for (int count = 1; count <= 5; count++)
        {
            while (silos.Silos.Count < count) await silos.Start(1);
            await client.Silos(count);
            var request = new RenderRequest { Sampler = "mnist", Count = (int)(count * JobSeconds / Pace), Seed = (ulong)count, Prompts = ["3"] };
            double begin = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
            long start = Stopwatch.GetTimestamp();
            await client.Cluster.StartAsync($"job-{count}", request);
            RenderProgress last = null!;
            await foreach (RenderProgress progress in client.Cluster.WatchAsync($"job-{count}")) last = progress;
            double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Assert.Equal(RenderStatus.Finished, last.Status);

            SiloActivity[][] of = [.. silos.Silos.Select(s => s.Activities.Where(a => a.Begin >= begin).ToArray())];
            double steps = of.Sum(a => a.Where(s => s.Name == "specializer.step").Sum(s => s.Seconds)), units = of.Sum(a => a.Where(s => s.Name == "specializer.unit").Sum(s => s.Seconds));
            double[] gaps = [.. of.SelectMany(Gaps).Order()];
            MeasurementFactAttribute.Report($"coordination silos={count} pictures={request.Count} units={last.Units} wall_s={wall:F2} drawing_s={steps:F2} rest_of_units_s={units - steps:F3} exchanges={gaps.Length} exchange_mean_ms={1000 * gaps.Average():F2} exchange_median_ms={1000 * gaps[gaps.Length / 2]:F2} exchange_max_ms={1000 * gaps[^1]:F2} overhead_percent={100 * gaps.Sum() / (gaps.Sum() + units):F3}");
        }
    }

    /// <summary>From the end of a unit to the beginning of the next.</summary>
    private static IEnumerable<double> Gaps(SiloActivity[] activities)
    {
        SiloActivity[] units = [.. activities.Where(a => a.Name == "specializer.unit").OrderBy(a => a.Begin)];
        for (int i = 1; i < units.Length; i++) yield return units[i].Begin - units[i - 1].End;
    }
}
