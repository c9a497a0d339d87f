using System.Collections.Concurrent;
using Microsoft.Extensions.AI;
using Specializer.Extensions.AI;

namespace Specializer.Serving.Tests;

/// <summary>More callers at once than any queue has room for, some of whom leave.</summary>
public sealed class CrowdTests
{
    private const int Callers = 1000, Requests = 5, Capacity = 64;

    [Fact]
    public async Task A_thousand_callers_at_once_each_get_their_own_images_or_are_told_why_not()
    {
        var sampler = new FakeSampler(capacity: 4);
        using var generator = new SpecializerImageGenerator(sampler, new() { QueueCapacity = Capacity });
        var outcomes = new ConcurrentDictionary<string, int>();
        using var gate = new SemaphoreSlim(0);
        Task[] callers = [.. Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            await gate.WaitAsync();
            for (int request = 0; request < Requests; request++)
            {
                using var leaving = new CancellationTokenSource();
                ulong seed = (ulong)(caller * Requests + request);
                int label = caller % 10;
                Task<ImageGenerationResponse> asked = generator.GenerateAsync(new($"{label}"), new() { AdditionalProperties = new() { [ImageProperty.Seed] = seed } }, leaving.Token);
                if (caller % 3 == 0) leaving.Cancel();
                outcomes.AddOrUpdate(await Outcome(asked, new(seed, 0, label)), 1, (_, n) => n + 1);
            }
        }))];
        gate.Release(Callers);
        await Task.WhenAll(callers);

        Assert.True(outcomes["drawn"] >= Capacity, $"{outcomes["drawn"]} were drawn.");
        // Nobody's place is still taken.
        for (int i = 0; i < 2 * Capacity; i++) Assert.Equal("drawn", await Outcome(generator.GenerateAsync(new("3"), new() { AdditionalProperties = new() { [ImageProperty.Seed] = 7UL } }), new(7, 0, 3)));
    }

    /// <summary>What became of a request; any other exception is the test's.</summary>
    private static async Task<string> Outcome(Task<ImageGenerationResponse> asked, ImageId expected)
    {
        try
        {
            ImageBatch images = (ImageBatch)(await asked).RawRepresentation!;
            Assert.Equal([expected], images.Ids);
            Assert.Equal([(float)expected.Label], images.Pixels.ToArray());
            return "drawn";
        }
        catch (ImageQueueFullException)
        {
            return "full";
        }
        catch (OperationCanceledException)
        {
            return "left";
        }
    }
}
