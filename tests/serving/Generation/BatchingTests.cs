using Microsoft.Extensions.AI;
using Specializer.Extensions.AI;

namespace Specializer.Serving.Tests;

/// <summary>Who is drawn with whom, and what becomes of those who leave.</summary>
public sealed class BatchingTests : IDisposable
{
    private readonly FakeSampler _sampler = new();
    private readonly SpecializerImageGenerator _generator;

    public BatchingTests() => _generator = new(_sampler, new() { QueueCapacity = 5, MaximumCount = 8 });

    public void Dispose()
    {
        _sampler.Release();
        _generator.Dispose();
    }

    [Fact]
    public async Task Requests_of_different_seeds_labels_and_guidance_are_drawn_together_as_long_as_there_is_room()
    {
        Task<ImageBatch> first = await Occupy();
        Task<ImageBatch> one = Ask("2", seed: 7, firstImage: 5), guided = Ask("3", guidance: 2), toomany = Ask("4", count: 2, seed: 8), another = Ask("5", seed: 9), last = Ask("6", guidance: 4);
        _sampler.Release();

        ImageBatch[] images = await Task.WhenAll(first, one, guided, toomany, another, last);

        // A guided image is evaluated twice, four are at once.
        Assert.Equal(["1", "2 3 5", "4 4 6"], _sampler.Draws.Select(Labels));
        Assert.Equal([7, 9], _sampler.Draws[1].Where(r => r.Guidance == 1).Select(r => r.Seed));
        Assert.Equal([1, 2, 1], _sampler.Draws[1].Select(r => r.Guidance));
        Assert.Equal([new(7, 5, 2)], images[1].Ids);
        Assert.Equal([3], images[2].Pixels.ToArray());
        Assert.Equal([new(8, 0, 4), new(8, 1, 4)], images[3].Ids);
    }

    [Fact]
    public async Task Requests_without_a_seed_have_one_of_their_own()
    {
        Task<ImageBatch> first = await Occupy();
        Task<ImageBatch>[] others = [Ask("1"), Ask("1"), Ask("1", count: 2)];
        _sampler.Release();

        ImageBatch[] images = await Task.WhenAll([first, .. others]);

        Assert.Equal(["1", "1 1 1 1"], _sampler.Draws.Select(Labels));
        Assert.Equal(4, images.Select(i => i.Ids[0].Seed).Distinct().Count());
        Assert.All(images, i => Assert.True(i.Ids[0].Seed < 1UL << 53));
    }

    [Fact]
    public async Task What_two_requests_ask_for_is_drawn_once()
    {
        Task<ImageBatch> first = await Occupy();
        Task<ImageBatch> more = Ask("2", count: 3, seed: 7), one = Ask("2", seed: 7), label = Ask("3", seed: 7), index = Ask("2", seed: 7, firstImage: 5);
        _sampler.Release();

        ImageBatch[] images = await Task.WhenAll(first, more, one, label, index);

        Assert.Equal(["1", "2 2 2 3", "2"], _sampler.Draws.Select(Labels));
        Assert.Equal([1, 3, 1, 1, 1], images.Select(i => i.Count));
        Assert.Equal(images[1].Ids.Take(1), images[2].Ids);
        Assert.Equal(new ImageId(7, 5, 2), images[4].Ids[0]);
    }

    [Fact]
    public async Task A_full_queue_refuses_and_a_request_that_leaves_makes_room()
    {
        Task<ImageBatch> first = await Occupy();
        using var leaves = new CancellationTokenSource();
        Task<ImageBatch> leaving = Ask("2", guidance: 2, cancellation: leaves.Token);
        Task<ImageBatch>[] waiting = [Ask("3"), Ask("4"), Ask("5"), Ask("6")];
        Assert.Equal(5, (await Assert.ThrowsAsync<ImageQueueFullException>(() => Ask("7"))).Capacity);

        leaves.Cancel();
        Assert.Equal(leaves.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving)).CancellationToken);
        Task<ImageBatch> last = Ask("7");
        _sampler.Release();
        await Task.WhenAll([first, .. waiting, last]);

        Assert.Equal(["1", "3 4 5 6", "7"], _sampler.Draws.Select(Labels));
    }

    [Fact]
    public async Task A_drawing_ends_when_the_last_who_wanted_it_has_left()
    {
        Task<ImageBatch> first = await Occupy();
        using var one = new CancellationTokenSource();
        using var both = new CancellationTokenSource();
        Task<ImageBatch> a = Ask("2", cancellation: one.Token), b = Ask("3", cancellation: both.Token);
        _sampler.ReleaseOne();
        await first;
        await _sampler.Started();
        one.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => a);
        both.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => b);

        // Held still: only a drawing that was cancelled makes way for this one.
        Task<ImageBatch> next = Ask("4");
        await _sampler.Started();
        _sampler.Release();

        Assert.Equal(1, (await next).Count);
    }

    [Fact]
    public async Task A_failure_reaches_all_of_its_batch_and_no_other()
    {
        Task<ImageBatch> first = await Occupy();
        Task<ImageBatch> a = Ask("2"), b = Ask("3");
        _sampler.Failure = new OutOfMemoryException("too much");
        _sampler.Release();

        foreach (Task<ImageBatch> failed in new[] { first, a, b })
            Assert.Equal("too much", (await Assert.ThrowsAsync<OutOfMemoryException>(() => failed)).Message);
        _sampler.Failure = null;

        Assert.Equal(1, (await Ask("4")).Count);
    }

    [Fact]
    public async Task Disposing_ends_what_is_drawn_and_what_waits()
    {
        Task<ImageBatch> first = await Occupy();
        Task<ImageBatch> waiting = Ask("2");

        _generator.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => first);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Ask("3"));
        Assert.True(_sampler.Disposed);
        _generator.Dispose();
    }

    /// <summary>A first request that holds the model, so that the next ones wait.</summary>
    private async Task<Task<ImageBatch>> Occupy()
    {
        _sampler.Hold();
        Task<ImageBatch> first = Ask("1");
        await _sampler.Started();
        return first;
    }

    private static string Labels(ImageRequest[] drawing) => string.Join(' ', drawing.SelectMany(r => Enumerable.Repeat(r.Condition.Label, r.Count)));

    private async Task<ImageBatch> Ask(string prompt, int count = 1, ulong? seed = null, long? firstImage = null, float? guidance = null, CancellationToken cancellation = default)
    {
        var options = new ImageGenerationOptions
        {
            Count = count,
            AdditionalProperties = new() { [ImageProperty.Seed] = seed, [ImageProperty.FirstImage] = firstImage, [ImageProperty.Guidance] = guidance },
        };
        return (ImageBatch)(await _generator.GenerateAsync(new(prompt), options, cancellation)).RawRepresentation!;
    }
}
