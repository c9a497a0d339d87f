using Microsoft.Extensions.AI;
using Specializer.Extensions.AI;
using Specializer.Generated.Tests;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>Requests of a client, while silos come and go.</summary>
[Collection(SilosCollection.Name)]
public sealed class ImageGeneratorTests
{
    [Fact]
    public async Task Requests_are_drawn_by_some_silo_whatever_becomes_of_the_others()
    {
        using var folder = new TemporaryFolder();
        int[] ports = FreePorts.Take(6);
        using SiloProcess first = await SiloProcess.Start(folder.Root, ports[0], ports[1]);
        using SiloProcess killed = await SiloProcess.Start(folder.Root, ports[2], ports[3], primaryPort: ports[0]), stopped = await SiloProcess.Start(folder.Root, ports[4], ports[5], primaryPort: ports[0]);
        await using ClusterClient client = await ClusterClient.Connect(null, ports[1]);
        await client.Silos(3);
        using IImageGenerator generator = client.Cluster.CreateImageGenerator("mnist", patience: TimeSpan.FromMinutes(20));

        Task<ImageGenerationResponse>[] requests = [.. Enumerable.Range(0, 24).Select(i => generator.GenerateAsync(new($"{i % 10}"), new() { Count = 2, AdditionalProperties = new() { ["seed"] = i / 8, ["guidance"] = 2 } }))];
        await Task.WhenAny(requests);
        killed.Kill();
        stopped.Signal("TERM");
        ImageGenerationResponse[] responses = await Task.WhenAll(requests);
        await stopped.WaitForExit(TimeSpan.FromMinutes(10));

        using MnistSampler sampler = MnistSampler.Load();
        for (int i = 0; i < responses.Length; i++)
        {
            ImageBatch images = sampler.Sample(new() { Count = 2, Seed = (ulong)(i / 8), Labels = [i % 10], Guidance = 2 });
            Assert.Equal(Picture.Encode(images, 0), Data(responses[i], 0));
            Assert.Equal(Picture.Encode(images, 1), Data(responses[i], 1));
        }

        // What comes with a picture draws it again.
        var drawn = (DataContent)(await generator.GenerateAsync(new("7"))).Contents[0];
        ImageGenerationResponse again = await generator.GenerateAsync(new($"{drawn.AdditionalProperties![ImageProperty.Label]}"), new() { AdditionalProperties = drawn.AdditionalProperties });
        Assert.Equal(drawn.Data.ToArray(), Data(again, 0));

        // On their way, across the wire: what arrives after the picture is lost, and on a busy machine much does. Of several drawings each preview arrives, and none is another picture's.
        var shown = new System.Collections.Concurrent.ConcurrentQueue<ImagePreview>();
        for (int i = 0; i == 0 || (i < 100 && shown.Select(p => p.Step).Distinct().Count() < 4); i++)
        {
            ImageGenerationResponse watched = await generator.GenerateAsync(new("7"), new() { StreamingCount = 4, AdditionalProperties = new(drawn.AdditionalProperties) { [ImageProperty.Previews] = new Collecting(shown) } });
            Assert.Equal(drawn.Data.ToArray(), Data(watched, 0));
        }

        Assert.Equal(4, shown.Select(p => p.Step).Distinct().Count());
        Assert.All(shown, p => Assert.Equal(drawn.AdditionalProperties![ImageProperty.FirstImage], Assert.Single(p.Images).AdditionalProperties![ImageProperty.FirstImage]));
        Assert.DoesNotContain(drawn.Data.ToArray(), shown.Select(p => p.Images[0].Data.ToArray()));

        // What is wrong is refused at once, with the sampler's own words.
        Assert.Contains("'a heart'", (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(new("a heart")))).Message, StringComparison.Ordinal);
        Assert.Contains("1 to 64", (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(new("1"), new() { Count = int.MaxValue }))).Message, StringComparison.Ordinal);
        Assert.Contains("1000 characters", (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(new(new string('p', 5000))))).Message, StringComparison.Ordinal);

        // Deadline and cancellation end the drawing: the next request does not wait for it.
        using IImageGenerator hasty = client.Cluster.CreateImageGenerator("mnist", patience: TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAsync<TimeoutException>(() => hasty.GenerateAsync(new("1"), new() { Count = 64 }));
        using var cancelled = new CancellationTokenSource();
        Task<ImageGenerationResponse> long64 = generator.GenerateAsync(new("1"), new() { Count = 64 }, cancelled.Token);
        cancelled.CancelAfter(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => long64);
        Assert.Single((await generator.GenerateAsync(new("2"))).Contents);
    }

    /// <summary>The client knows one silo, which passes its requests on: if that one hung up before they are answered, nobody could answer them.</summary>
    [Fact]
    public async Task A_silo_that_stops_in_good_order_ends_what_it_draws_and_what_it_passes_on()
    {
        using var folder = new TemporaryFolder();
        int[] ports = FreePorts.Take(4);
        using SiloProcess first = await SiloProcess.Start(folder.Root, ports[0], ports[1], 0, null, "--pace=0.25");
        using SiloProcess stopped = await SiloProcess.Start(folder.Root, ports[2], ports[3], ports[0], null, "--pace=0.25");
        await using ClusterClient client = await ClusterClient.Connect(null, ports[3]);
        await client.Silos(2);
        using IImageGenerator generator = client.Cluster.CreateImageGenerator("mnist", patience: TimeSpan.FromMinutes(5));
        Task<ImageGenerationResponse>[] requests = [.. Enumerable.Range(0, 4).Select(i => generator.GenerateAsync(new("3"), new() { Count = 32, AdditionalProperties = new() { ["seed"] = i } }))];
        // Until both have said that they have them all: 16 seconds each.
        for (; (await client.Cluster.SilosAsync()).Sum(s => s.SecondsInHand) < 4 * 32 * 0.25; await Task.Delay(100)) Assert.DoesNotContain(requests, r => r.IsCompleted);
        stopped.Signal("TERM");
        Assert.All(await Task.WhenAll(requests), r => Assert.Equal(32, r.Contents.Count));
        await stopped.WaitForExit(TimeSpan.FromMinutes(10));
    }

    private sealed class Collecting(System.Collections.Concurrent.ConcurrentQueue<ImagePreview> shown) : IProgress<ImagePreview>
    {
        public void Report(ImagePreview value) => shown.Enqueue(value);
    }

    private static byte[] Data(ImageGenerationResponse response, int picture) => ((DataContent)response.Contents[picture]).Data.ToArray();
}
