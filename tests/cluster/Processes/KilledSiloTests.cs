using Specializer.Tests;
using Xunit.Abstractions;

namespace Specializer.Cluster.Tests;

/// <summary>Three silos that are killed, paused and started again, and a database that restarts: nothing is lost, nothing doubled.</summary>
[Collection(SilosCollection.Name)]
public sealed class KilledSiloTests(ITestOutputHelper output)
{
    /// <summary>More by environment variables (docs/cluster.md): a test that runs for an hour.</summary>
    private static readonly int s_pictures = Number("SPECIALIZER_CLUSTER_PICTURES", 600), s_kills = Number("SPECIALIZER_CLUSTER_KILLS", 3);

    [PostgresFact]
    public async Task Pictures_are_those_of_one_process_whatever_is_killed()
    {
        using var folder = new TemporaryFolder();
        using var postgres = new PostgresServer();
        await PostgreSqlSchema.CreateAsync(postgres.Connection);
        await PostgreSqlSchema.CreateAsync(postgres.Connection);
        var silos = new List<SiloProcess>();
        try
        {
            silos.AddRange(await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Start())));
            await using ClusterClient client = await ClusterClient.Connect(postgres.Connection);
            await client.Silos(3);
            var request = new RenderRequest { Sampler = "mnist", Count = s_pictures, Seed = 3, Prompts = [.. Enumerable.Range(0, 10).Select(i => $"{i}")] };
            Task<string> reference = Task.Run(() => ReferencePictures.Sums(request));
            await client.Cluster.StartAsync("digits", request);

            int kills = 0;
            bool paused = false, restarted = false;
            RenderProgress last = null!;
            await foreach (RenderProgress progress in client.Cluster.WatchAsync("digits"))
            {
                last = progress;
                if (kills < s_kills && progress.Finished > s_pictures / (s_kills + 3) * (kills + 1))
                {
                    // The oldest: it has a unit, and perhaps the job itself.
                    silos[0].Kill();
                    silos[0].Dispose();
                    silos.RemoveAt(0);
                    kills++;
                    silos.Add(await Start());
                }

                if (!paused && progress.Finished > s_pictures / 10)
                {
                    // Longer than the lease of 4 seconds.
                    paused = true;
                    SiloProcess stopped = silos[^1];
                    stopped.Signal("STOP");
                    _ = Task.Delay(TimeSpan.FromSeconds(6)).ContinueWith(_ => stopped.Signal("CONT"), TaskScheduler.Default);
                }

                if (!restarted && progress.Finished > s_pictures / 3)
                {
                    restarted = true;
                    postgres.Restart();
                }
            }

            output.WriteLine($"{last.Units} units, {last.Reissued} handed out again; of their pictures {last.Found} were there already.");
            Assert.Equal((RenderStatus.Finished, s_pictures, s_kills, true, true), (last.Status, last.Finished, kills, paused, restarted));
            Assert.Equal(await reference, File.ReadAllText(Path.Combine(folder.Root, "digits", RenderFiles.Sums)));
            Assert.Equal(s_pictures + 2, Directory.GetFiles(Path.Combine(folder.Root, "digits"), "*").Count(f => !Path.GetFileName(f).StartsWith("unit-", StringComparison.Ordinal)));
            Assert.Equal(s_pictures, last.Drawn + last.Found);
            // Each kill and the pause cost one unit at most.
            Assert.InRange(last.Reissued, 1, s_kills + 1);
        }
        finally
        {
            foreach (SiloProcess silo in silos) silo.Dispose();
        }

        Task<SiloProcess> Start()
        {
            int[] ports = FreePorts.Take(2);
            return SiloProcess.Start(folder.Root, ports[0], ports[1], postgres: postgres.Connection);
        }
    }

    private static int Number(string variable, int absent) => int.TryParse(Environment.GetEnvironmentVariable(variable), out int number) ? number : absent;
}
