using System.Diagnostics;
using Specializer.Tests;
using Xunit.Abstractions;

namespace Specializer.Cluster.Tests;

/// <summary>Three silos that are killed, paused and started again, and a database that restarts: nothing is lost, nothing doubled.</summary>
[Collection(SilosCollection.Name)]
public sealed class KilledSiloTests(ITestOutputHelper output)
{
    /// <summary>More by environment variables (docs/cluster.md): a test that runs for an hour, kills a silo every so many seconds, pauses some of them, or draws with samplers that wait.</summary>
    private static readonly int s_pictures = Number("SPECIALIZER_CLUSTER_PICTURES", 600), s_kills = Number("SPECIALIZER_CLUSTER_KILLS", 3), s_killSeconds = Number("SPECIALIZER_CLUSTER_KILL_SECONDS", 0),
        s_pauses = Number("SPECIALIZER_CLUSTER_PAUSES", 1), s_pauseSeconds = Number("SPECIALIZER_CLUSTER_PAUSE_SECONDS", 0), s_paceMilliseconds = Number("SPECIALIZER_CLUSTER_PACE_MS", 0);

    [PostgresFact]
    public async Task Pictures_are_those_of_one_process_whatever_is_killed()
    {
        using var folder = new TemporaryFolder();
        using var postgres = new PostgresServer();
        // As several silos may that begin at once.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostgreSqlSchema.CreateAsync(postgres.Connection)));
        double pace = s_paceMilliseconds / 1000.0;
        await using var silos = new SiloFleet(folder.Root, postgres.Connection, "--log=true", "--pictures=true", FormattableString.Invariant($"--pace={pace}"));
        await silos.Start(3);
        await using ClusterClient client = await ClusterClient.Connect(postgres.Connection);
        await client.Silos(3);
        var request = new RenderRequest { Sampler = "mnist", Count = s_pictures, Seed = 3, Prompts = [.. Enumerable.Range(0, 10).Select(i => $"{i}")] };
        Task<string> reference = Task.Run(() => ReferencePictures.Sums(request, waiting: s_paceMilliseconds > 0));
        await client.Cluster.StartAsync("digits", request);

        var watch = Stopwatch.StartNew();
        RenderProgress last = await client.Cluster.ProgressAsync("digits");
        Task watching = Task.Run(async () =>
        {
            await foreach (RenderProgress progress in client.Cluster.WatchAsync("digits")) last = progress;
        });
        int kills = 0, pauses = 0;
        bool restarted = false;
        var sinceKill = Stopwatch.StartNew();
        for (; !watching.IsCompleted; await Task.WhenAny(watching, Task.Delay(200)))
        {
            // What silos say that they wrote: a client that asked a silo which was killed hears nothing of the cluster for half a minute, in which the job may end.
            int finished = silos.Pictures;
            // A silo that a busy machine kept from answering was found dead, and ended: it is one more that was lost.
            await silos.Replace();
            if (!restarted && finished > s_pictures / 10)
            {
                restarted = true;
                postgres.Restart();
            }

            // Late, for then the job cannot end before the paused silo's unit is given up.
            // The one that has the job itself: it wakes up with all that it knew.
            if (!silos.IsPaused && pauses < s_pauses && finished > (long)s_pictures * (s_pauses + pauses) / (2 * s_pauses))
            {
                pauses++;
                silos.Pause(await client.HostOf("digits"));
            }

            if (silos.IsPaused) await silos.WakeOnceGivenUp(client.Cluster, TimeSpan.FromSeconds(s_pauseSeconds));
            else if (s_killSeconds > 0 ? sinceKill.Elapsed.TotalSeconds > s_killSeconds : kills < s_kills && finished > s_pictures / (s_kills + 3) * (kills + 1))
            {
                // It has a unit, and perhaps the job itself.
                kills++;
                sinceKill.Restart();
                await silos.KillOldest();
            }
        }

        await watching;
        await silos.Settle(client);
        int twice = silos.Pictures - s_pictures;
        output.WriteLine($"{last.Units} units in {watch.Elapsed}, handed out again: {last.Reissued}; {kills} kills, {pauses} pauses, {silos.Ended} silos ended; of the units' pictures {last.Found} were there already; {twice} were written twice.");
        foreach (string line in silos.Log.Where(l => l.Contains("Job digits", StringComparison.Ordinal))) output.WriteLine(line);
        Assert.Equal((RenderStatus.Finished, s_pictures, s_pauses, true), (last.Status, last.Finished, pauses, restarted));
        // The job may end before the last kill.
        Assert.True(kills > 0);
        Assert.Equal(await reference, File.ReadAllText(Path.Combine(folder.Root, "digits", RenderFiles.Sums)));
        Assert.Equal(s_pictures + 2, Directory.GetFiles(Path.Combine(folder.Root, "digits"), "*").Count(f => !Path.GetFileName(f).StartsWith("unit-", StringComparison.Ordinal)));
        Assert.Equal(s_pictures, last.Drawn + last.Found);
        // A silo that ends costs one unit at most. How many leases lapse besides depends on the machine, and is printed: nothing guarantees that a silo gets to renew in time.
        Assert.InRange(last.Reissued.Lost, 0, silos.Ended);
        Assert.Equal((0, 0), (last.Reissued.Failed, last.Reissued.Stopped));
        Assert.NotEqual(0, last.Reissued.Total);
    }

    [PostgresFact]
    public async Task What_a_paused_silo_reports_too_late_does_not_count()
    {
        using var folder = new TemporaryFolder();
        // Without a database a job is known in the memory of silos, and is lost with one.
        using var postgres = new PostgresServer();
        await PostgreSqlSchema.CreateAsync(postgres.Connection);
        int[] ports = FreePorts.Take(4);
        using SiloProcess first = await SiloProcess.Start(folder.Root, ports[0], ports[1], 0, postgres.Connection, "--lease=2");
        using SiloProcess paused = await SiloProcess.Start(folder.Root, ports[2], ports[3], 0, postgres.Connection, "--lease=2");
        await using ClusterClient client = await ClusterClient.Connect(postgres.Connection);
        await client.Silos(2);
        var request = new RenderRequest { Sampler = "mnist", Count = 160, Seed = 4, Prompts = ["8"] };
        await client.Cluster.StartAsync("eights", request);
        bool stopped = false;
        RenderProgress last = null!;
        await foreach (RenderProgress progress in client.Cluster.WatchAsync("eights"))
        {
            last = progress;
            // Both have a unit.
            if (!stopped && progress.Workers == 2)
            {
                stopped = true;
                paused.Signal("STOP");
            }
            else if (stopped && progress.Reissued.Total > 0)
            {
                paused.Signal("CONT");
            }
        }

        output.WriteLine($"{last}");
        Assert.True(stopped);
        Assert.Equal((RenderStatus.Finished, 160, 160L), (last.Status, last.Finished, last.Drawn + last.Found));
        Assert.NotEqual(0, last.Reissued.Lost + last.Reissued.Lapsed);
        Assert.Equal(ReferencePictures.Sums(request), File.ReadAllText(Path.Combine(folder.Root, "eights", RenderFiles.Sums)));
    }

    private static int Number(string variable, int absent) => int.TryParse(Environment.GetEnvironmentVariable(variable), out int number) ? number : absent;
}
