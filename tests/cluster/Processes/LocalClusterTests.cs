using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>Silos that keep everything in their memory: what a program has without any service.</summary>
[Collection(SilosCollection.Name)]
public sealed class LocalClusterTests
{
    private static readonly string[] s_digits = [.. Enumerable.Range(0, 10).Select(i => $"{i}")];

    [Fact]
    public async Task Silos_with_the_same_sampler_draw_a_job_as_one_process_does_and_others_say_why_not()
    {
        using var folder = new TemporaryFolder();
        int[] ports = FreePorts.Take(4);
        using SiloProcess first = await SiloProcess.Start(folder.Root, ports[0], ports[1]);
        using SiloProcess altered = await SiloProcess.Start(folder.Root, ports[2], ports[3], primaryPort: ports[0], postgres: null, "--altered=true");
        await using ClusterClient client = await ClusterClient.Connect(null, ports[1], ports[3]);
        IReadOnlyList<SiloOffer> silos = await client.Silos(2);
        var request = new RenderRequest { Sampler = "mnist", Count = 40, Seed = 5, FirstImage = 7, Prompts = s_digits, Guidance = 2 };

        // Two samplers of one name: neither is taken for the other.
        string message = (await Assert.ThrowsAsync<SamplerUnavailableException>(() => client.Cluster.StartAsync("sevens", request))).Message;
        Assert.Contains("different pictures under the name 'mnist'", message, StringComparison.Ordinal);
        Assert.Equal(silos[0].Samplers[0].WeightsHash, silos[1].Samplers[0].WeightsHash);
        Assert.NotEqual(silos[0].Samplers[0].Sampler.Hash, silos[1].Samplers[0].Sampler.Hash);
        Assert.All(silos, s => Assert.True(s.Samplers[0].PicturesPerSecond > 0));

        using var sampler = HostedSampler.Load(Generated.Tests.MnistSampler.Load, new CpuDevice(2));
        request = request with { Hash = sampler.Identity.Hash };
        await client.Cluster.StartAsync("sevens", request);
        // The same again is no other job.
        await client.Cluster.StartAsync("sevens", request);
        var seen = new List<RenderProgress>();
        await foreach (RenderProgress progress in client.Cluster.WatchAsync("sevens")) seen.Add(progress);

        Assert.Equal((RenderStatus.Finished, 40, 40L), (seen[^1].Status, seen[^1].Finished, seen[^1].Drawn + seen[^1].Found));
        Assert.Equal((0, 0, 0), (seen[^1].Reissued.Lost, seen[^1].Reissued.Failed, seen[^1].Reissued.Stopped));
        Assert.Equal(seen.Select(p => p.Finished), seen.Select(p => p.Finished).Order());
        Assert.Equal(ReferencePictures.Sums(request), File.ReadAllText(Path.Combine(folder.Root, "sevens", RenderFiles.Sums)));
        Assert.Equal(42, Directory.GetFiles(Path.Combine(folder.Root, "sevens")).Length);
        await Assert.ThrowsAsync<ArgumentException>(() => client.Cluster.StartAsync("sevens", request with { Seed = 6 }));

        // What the model cannot draw ends the job with the reason.
        await client.Cluster.StartAsync("words", request with { Prompts = ["a heart"] });
        await foreach (RenderProgress progress in client.Cluster.WatchAsync("words")) seen.Add(progress);
        Assert.Equal(RenderStatus.Failed, seen[^1].Status);
        Assert.Contains("does not know the prompt 'a heart'", seen[^1].Remark, StringComparison.Ordinal);

        // Cancelled, a job leaves the silo to the others.
        await client.Cluster.StartAsync("long", request with { Count = 100_000 });
        await client.Cluster.CancelAsync("long");
        await client.Cluster.StartAsync("short", request with { Count = 3 });
        await foreach (RenderProgress progress in client.Cluster.WatchAsync("short")) seen.Add(progress);
        Assert.Equal(RenderStatus.Finished, seen[^1].Status);
        Assert.Equal(RenderStatus.Cancelled, (await client.Cluster.ProgressAsync("long")).Status);
        Assert.Equal(RenderStatus.None, (await client.Cluster.ProgressAsync("unheard-of")).Status);
    }
}
