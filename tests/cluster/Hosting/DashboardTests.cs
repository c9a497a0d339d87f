using System.Net;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>A silo that is a web program, with Orleans' dashboard.</summary>
[Collection(SilosCollection.Name)]
public sealed class DashboardTests
{
    [Fact]
    public async Task A_web_programs_silo_shows_the_dashboard_and_draws()
    {
        using var folder = new TemporaryFolder();
        int[] ports = FreePorts.Take(3);
        using SiloProcess silo = await SiloProcess.Start(folder.Root, ports[0], ports[1], 0, null, "--pace=0.001", $"--dashboard-port={ports[2]}");
        await using ClusterClient client = await ClusterClient.Connect(null, ports[1]);
        await client.Silos(1);

        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{ports[2]}") };
        HttpResponseMessage page = await http.GetAsync("/");
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));

        var request = new RenderRequest { Sampler = "mnist", Count = 3, Seed = 1, Prompts = ["1"] };
        await client.Cluster.StartAsync("shown", request);
        await foreach (RenderProgress _ in client.Cluster.WatchAsync("shown"))
        {
        }

        Assert.Equal(ReferencePictures.Sums(request, waiting: true), File.ReadAllText(Path.Combine(folder.Root, "shown", RenderFiles.Sums)));
    }
}
