using Microsoft.Extensions.AI;
using Specializer.Tests;
using Xunit.Abstractions;

namespace Specializer.Cluster.Tests;

/// <summary>A client that was let in and means no good: it says to silos what the library would not let it.</summary>
[Collection(SilosCollection.Name)]
public sealed class HostileClientTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Huge_counts_foreign_names_and_replays_are_refused_and_leave_nothing()
    {
        using var folder = new TemporaryFolder();
        int[] ports = FreePorts.Take(2);
        using SiloProcess silo = await SiloProcess.Start(folder.Root, ports[0], ports[1]);
        await using ClusterClient client = await ClusterClient.Connect(null, ports[1]);
        SiloOffer offer = (await client.Silos(1))[0];
        SamplerIdentity sampler = offer.Samplers[0].Sampler;
        IGrainFactory grains = client.Grains;
        long memory = silo.Memory;
        var good = new RenderRequest { Sampler = "mnist", Count = 4, Seed = 1, Prompts = ["1"] };

        // Past the checks of the client's own library.
        await Refused("2147483647 pictures", () => grains.GetGrain<IRenderJobGrain>("huge").Start(good with { Count = int.MaxValue }));
        await Refused("100000 prompts", () => grains.GetGrain<IRenderJobGrain>("wordy").Start(good with { Prompts = [.. Enumerable.Repeat("1", 100_001)] }));
        foreach (string name in (string[])["../../elsewhere", "/etc/x", "", new('a', 100_000)]) await Refused("", () => grains.GetGrain<IRenderJobGrain>(name).Start(good));
        await Refused("1 to 64", () => Paint(new("1", int.MaxValue, null, null, null, null) { SamplerHash = sampler.Hash }));
        await Refused("1 to 1048576 units", () => grains.GetGrain<ICalibrationJobGrain>("calibration").Next("phase", int.MaxValue, "worker"));
        await Refused("1 to 1048576 units", () => grains.GetGrain<ICalibrationJobGrain>("calibration").Next("phase", 1, new('w', 1000)));
        await Assert.ThrowsAnyAsync<Exception>(() => grains.GetGrain<ICalibrationJobGrain>("../x").Next("phase", 1, "worker"));
        await Assert.ThrowsAsync<SamplerUnavailableException>(() => grains.GetGrain<IRouterGrain>(0).Choose("mnist", "0000", int.MinValue, null));
        await Assert.ThrowsAnyAsync<Exception>(() => grains.GetGrain<IRouterGrain>(1).Choose("mnist", null, 1, null));
        for (int i = 0; i < 1000; i++) Assert.Equal(RenderStatus.None, (await client.Cluster.ProgressAsync($"none-{i}")).Status);

        // Foreign names: it is no silo.
        await Assert.ThrowsAsync<SiloBusyException>(() => grains.GetGrain<IPainterGrain>("127.0.0.1:1@1").Paint(new("1", 1, null, null, null, null) { SamplerHash = sampler.Hash }, null, default));
        await Assert.ThrowsAsync<SamplerUnavailableException>(() => client.Cluster.StartAsync("stranger", good with { Hash = "0123" }));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IBoardGrain>(0).Meet(new("127.0.0.1:1@1", [])));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IBoardGrain>(0).Post(new("digits", sampler.Hash)));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IBoardGrain>(0).Leave(offer.Silo));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Root));

        // Replays: a job that has ended, what a silo said of its unit, a calibration's range.
        await client.Cluster.StartAsync("digits", good);
        await foreach (RenderProgress _ in client.Cluster.WatchAsync("digits"))
        {
        }

        RenderProgress ended = await client.Cluster.ProgressAsync("digits");
        Assert.Equal(ended, await client.Cluster.StartAsync("digits", good));
        var report = new WorkerReport("127.0.0.1:1@1", 1, 1, true, new(Guid.NewGuid(), true, 4, 0, null));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IRenderJobGrain>("digits").Exchange(report));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grains.GetGrain<IRenderJobGrain>("digits").Renew(Guid.NewGuid()));
        ICalibrationJobGrain calibration = grains.GetGrain<ICalibrationJobGrain>("calibration");
        UnitLease lease = (await calibration.Next("phase", 2, "worker"))!;
        for (int i = 0; i < 3; i++) await calibration.Finish("phase", lease.Id);
        Assert.Equal([lease.Unit], await calibration.Finished("phase"));
        Assert.Equal(ended, await client.Cluster.ProgressAsync("digits"));

        // More at once than may wait: the rest is refused, and others are served when it is over.
        using var stop = new CancellationTokenSource();
        Task<PaintedPicture[]>[] flood = [.. Enumerable.Range(0, 200).Select(i => Paint(new("1", 64, $"{i}", null, null, null) { SamplerHash = sampler.Hash }, stop.Token))];
        while (!flood.Any(t => t.IsFaulted)) await Task.Delay(50);
        await stop.CancelAsync();
        await Task.WhenAll(flood).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.All(flood.Where(t => t.IsFaulted), t => Assert.True(t.Exception!.InnerException is SiloBusyException or OperationCanceledException, $"{t.Exception}"));
        Assert.Contains(flood, t => t.Exception?.InnerException is SiloBusyException);
        using IImageGenerator generator = client.Cluster.CreateImageGenerator("mnist", patience: TimeSpan.FromMinutes(20));
        Assert.Single((await generator.GenerateAsync(new("1"))).Contents);
        // Who leaves without a word is not drawn for beyond what it said that it would wait.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Paint(new("1", 64, "1", null, null, null) { SamplerHash = sampler.Hash, Patience = TimeSpan.FromMilliseconds(100) }));
        Assert.False(silo.HasExited);
        // 200 requests of 64 pictures and all the rest leave no more than a silo at work has by itself.
        Assert.InRange((silo.Memory - memory) / 1e6, double.MinValue, 512);
        output.WriteLine($"memory: {memory / 1e6:F0} MB before, {silo.Memory / 1e6:F0} MB after");

        Task<PaintedPicture[]> Paint(PaintRequest request, CancellationToken cancellation = default) =>
            grains.GetGrain<IPainterGrain>(offer.Silo).Paint(request, null, cancellation);

        static async Task Refused(string expected, Func<Task> call) => Assert.Contains(expected, (await Assert.ThrowsAsync<ArgumentException>(call)).Message, StringComparison.Ordinal);
    }
}
