using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.AI;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>Traces lead from a client's request to the steps of a silo, and from a job's unit to its own.</summary>
[Collection(SilosCollection.Name)]
public sealed class TraceTests
{
    [Fact]
    public async Task A_request_is_followed_from_the_client_to_the_steps_of_the_silo()
    {
        using var folder = new TemporaryFolder();
        int[] ports = FreePorts.Take(2);
        using SiloProcess silo = await SiloProcess.Start(folder.Root, ports[0], ports[1], 0, null, "--pace=0.01", "--activities=true");
        await using ClusterClient client = await ClusterClient.Connect(null, ports[1]);
        await client.Silos(1);
        var own = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is ClusterTelemetry.Name or "Microsoft.Orleans.Application",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = own.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);

        using IImageGenerator generator = client.Cluster.CreateImageGenerator("mnist", patience: TimeSpan.FromMinutes(20));
        await generator.GenerateAsync(new("3"));
        await client.Cluster.StartAsync("traced", new() { Sampler = "mnist", Count = 4, Seed = 1, Prompts = ["1"] });
        await foreach (RenderProgress _ in client.Cluster.WatchAsync("traced"))
        {
        }

        // What ends is printed, and read here, some time after.
        for (int i = 0; i < 600 && !silo.Activities.Any(a => a.Name == "specializer.unit"); i++) await Task.Delay(100);
        IReadOnlyList<SiloActivity> all = silo.Activities;
        Activity request = Assert.Single(own, a => a.OperationName == "specializer.request");
        // The silo draws one by itself when it starts, in a trace of its own.
        SiloActivity generate = Assert.Single(all, a => a.Name == "specializer.generate" && a.Trace == $"{request.TraceId}");
        // Between them are Orleans' own, of the client and of the silo.
        Dictionary<string, string> parents = own.Select(a => ($"{a.SpanId}", $"{a.ParentSpanId}")).Concat(all.Select(a => (a.Span, a.Parent))).ToDictionary();
        string above = generate.Parent;
        for (int i = 0; i < 10 && above != $"{request.SpanId}"; i++) above = parents[above];
        Assert.Equal($"{request.SpanId}", above);
        SiloActivity draw = Assert.Single(all, a => a.Name == "specializer.draw" && a.Linked == generate.Span);
        Assert.Equal(50, all.Count(a => a.Name == "specializer.step" && a.Parent == draw.Span));

        SiloActivity[] units = [.. all.Where(a => a.Name == "specializer.unit")];
        Assert.NotEmpty(units);
        Assert.All(units, u => Assert.NotEqual(0, all.Count(a => a.Name == "specializer.step" && a.Parent == u.Span && a.Trace == u.Trace)));
    }
}
