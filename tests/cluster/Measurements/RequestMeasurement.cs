using System.Diagnostics;
using Microsoft.Extensions.AI;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>How long requests take while silos come and go. They are few enough that none waits for another, and each is drawn in a time that is known.</summary>
[Collection(SilosCollection.Name)]
public sealed class RequestMeasurement
{
    private const double Pace = 0.02;

    /// <summary>Seconds beyond the drawing that count as late.</summary>
    private const double Late = 0.05;

    /// <summary>Requests of each part whose calls are reported.</summary>
    private const int Slowest = 12;

    private static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(100);

    [MeasurementFact]
    public async Task Requests_while_silos_join_and_leave_and_are_killed()
    {
        using var folder = new TemporaryFolder();
        using var postgres = new PostgresServer();
        await PostgreSqlSchema.CreateAsync(postgres.Connection);
        await using var silos = new SiloFleet(folder.Root, postgres.Connection, FormattableString.Invariant($"--pace={Pace}"));
        await silos.Start(3);
        await using ClusterClient client = await ClusterClient.Connect(postgres.Connection);
        await client.Silos(3);
        using IImageGenerator generator = client.Cluster.CreateImageGenerator("mnist", patience: TimeSpan.FromMinutes(2));
        using var stages = new RequestStages();
        string now = "";
        var since = new Stopwatch();
        await Measure("warm-up", () => Task.Delay(TimeSpan.FromSeconds(15)));
        await Measure("join-and-leave", async () =>
        {
            for (int i = 0; i < 8; i++)
            {
                // Again and again, for what others do on this machine changes.
                Now("nothing-happens");
                await Task.Delay(TimeSpan.FromSeconds(15));
                // On this machine, whose processors a process that starts takes as well: how much of it that is, one tells that belongs to another cluster.
                Now("a-stranger-starts");
                int[] ports = FreePorts.Take(2);
                using (await SiloProcess.Start(folder.Root, ports[0], ports[1], more: FormattableString.Invariant($"--pace={Pace}")))
                {
                    Now("a-stranger-is-there");
                    await Task.Delay(TimeSpan.FromSeconds(5));
                }

                Now("a-silo-starts");
                await silos.Start(1);
                Now("it-is-new");
                await Task.Delay(TimeSpan.FromSeconds(5));
                Now("the-oldest-leaves");
                await silos.StopOldest();
                Now("it-has-left");
                await Task.Delay(TimeSpan.FromSeconds(5));
            }
        });
        await Measure("kill", async () =>
        {
            for (int i = 0; i < 3; i++)
            {
                await silos.KillOldest();
                await Task.Delay(TimeSpan.FromSeconds(15));
            }
        });

        async Task Measure(string what, Func<Task> happens)
        {
            Now(what);
            var requests = new List<Task<Timed>>();
            Task happening = happens();
            while (!happening.IsCompleted)
            {
                requests.Add(Time());
                await Task.Delay(s_between);
            }

            await happening;
            Timed[] all = await Task.WhenAll(requests);
            Report(what, all);
            // What happened while they began, where several things did.
            foreach (var some in all.GroupBy(r => r.When).Where(g => g.Count() < all.Length)) Report($"{what}/{some.Key}", some);
            foreach (Timed slow in all.OrderByDescending(r => r.Seconds).Take(Slowest)) MeasurementFactAttribute.Report($"slow {what}/{slow.When} after_ms={1000 * slow.After:F0} ms={1000 * slow.Seconds:F1} {slow.Calls}");
        }

        void Now(string what)
        {
            now = what;
            since.Restart();
        }

        void Report(string what, IEnumerable<Timed> requests)
        {
            double[] seconds = [.. requests.Select(r => r.Seconds).Order()];
            MeasurementFactAttribute.Report($"requests {what} requests={seconds.Length} drawing_ms={1000 * Pace:F0} median_ms={At(0.5):F1} p90_ms={At(0.9):F1} p95_ms={At(0.95):F1} p98_ms={At(0.98):F1} p99_ms={At(0.99):F1} max_ms={1000 * seconds[^1]:F1} late_percent={100.0 * seconds.Count(s => s > Pace + Late) / seconds.Length:F2}");

            double At(double share) => 1000 * seconds[(int)(seconds.Length * share)];
        }

        async Task<Timed> Time()
        {
            (string when, double after) = (now, since.Elapsed.TotalSeconds);
            (double seconds, string calls) = await stages.Time(() => generator.GenerateAsync(new("3"), new() { AdditionalProperties = new() { ["seed"] = Random.Shared.Next() } }));
            return new(when, after, seconds, calls);
        }
    }

    /// <summary>A request.</summary>
    /// <param name="When">What had happened last when it began.</param>
    /// <param name="After">Seconds since then.</param>
    /// <param name="Seconds">How long it took.</param>
    /// <param name="Calls">Its calls.</param>
    private sealed record Timed(string When, double After, double Seconds, string Calls);
}
