using Specializer.Generated.Tests;
using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>The commands that start silos, and that share a calibration.</summary>
[Collection(SilosCollection.Name)]
public sealed class CommandTests
{
    [Fact]
    public async Task One_command_runs_a_programs_samplers_on_several_silos()
    {
        using var folder = new TemporaryFolder();
        // Ports of the silos follow each other.
        int port = FreePorts.Take(4)[0], gateway = port + 2;
        using var cluster = new ToolProcess("cluster", "--silos", "2", "--app", typeof(MnistSampler).Assembly.Location, "--store", folder.Root, "--port", $"{port}", "--gateway-port", $"{gateway}");
        await cluster.Says("is ready", times: 2);
        await using (ClusterClient client = await ClusterClient.Connect(null, gateway, gateway + 1))
        {
            await client.Silos(2);
            var request = new RenderRequest { Sampler = "mnist", Count = 6, Seed = 2, Prompts = ["4"] };
            await client.Cluster.StartAsync("fours", request);
            await foreach (RenderProgress _ in client.Cluster.WatchAsync("fours"))
            {
            }

            Assert.Equal(ReferencePictures.Sums(request), File.ReadAllText(Path.Combine(folder.Root, "fours", RenderFiles.Sums)));
        }

        cluster.Interrupt();
        Assert.Equal(0, await cluster.Ends());
        Assert.All(FreePorts.AreFree(port, port + 1, gateway, gateway + 1), Assert.True);
    }

    /// <summary>Three silos of a database whose tables the command makes: no silo is another's keeper, and one that is killed is started again.</summary>
    [PostgresFact]
    public async Task With_a_database_the_command_makes_its_tables_and_starts_a_killed_silo_again()
    {
        using var folder = new TemporaryFolder();
        using var postgres = new PostgresServer();
        int port = FreePorts.Take(9)[0], gateway = port + 3, health = port + 6;
        using var cluster = new ToolProcess(
            "cluster", "--silos", "3", "--app", typeof(MnistSampler).Assembly.Location, "--store", folder.Root, "--port", $"{port}", "--gateway-port", $"{gateway}", "--health-port", $"{health}", "--postgres", postgres.Connection);
        await cluster.Says("is ready", times: 3);
        await using ClusterClient client = await ClusterClient.Connect(postgres.Connection);
        string killed = (await client.Silos(3)).Single(s => s.Silo.Contains($":{port}@", StringComparison.Ordinal)).Silo;
        cluster.KillChild($"--port {port} ");

        await cluster.Says("is ready", times: 4);
        for (int i = 0; i < 3000 && (await client.Silos(3)).Any(s => s.Silo == killed); i++) await Task.Delay(200);
        Assert.Contains(await client.Silos(3), s => s.Silo.Contains($":{port}@", StringComparison.Ordinal) && s.Silo != killed);
        using var http = new HttpClient();
        Assert.Contains("\"status\":\"Active\"", await http.GetStringAsync($"http://127.0.0.1:{health}/health"), StringComparison.Ordinal);
        cluster.Interrupt();
        Assert.Equal(0, await cluster.Ends());
    }

    [Fact]
    public async Task A_calibration_over_workers_of_which_one_is_killed_has_the_bytes_of_one_process()
    {
        using TemporaryFolder alone = new(), shared = new();
        string[] options = [Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"), "--name", "tiny", "--null-label", "10", "--steps", "2", "--trajectories", "112", "--activations", "8", "--rounding", "nearest", "--variance-correction", "off", "--mean-correction", "divide", "--threads", "1"];
        using var one = new ToolProcess(["calibrate", .. options, "--check", "0", "--out", alone.Root]);
        int[] ports = FreePorts.Take(2);
        using var silo = new ToolProcess("silo", "--port", $"{ports[0]}", "--gateway-port", $"{ports[1]}");
        await silo.Says("ready");
        string[] cluster = [.. options, "--out", shared.Root, "--cluster", $"127.0.0.1:{ports[1]}"];
        using ToolProcess killed = new(["worker", .. cluster]), worker = new(["worker", .. cluster]);
        // Killed in the midst of a unit, or before its first: 7 units are more than one worker ends between two looks.
        while (!Directory.EnumerateFiles(shared.Root, "*.begun.checkpoint").Any() && !killed.HasExited) await Task.Delay(50);
        using var deciding = new ToolProcess(["calibrate", .. cluster, "--check", "0"]);
        killed.Kill();

        Assert.True(await deciding.Ends() == 0, deciding.Output);
        Assert.True(await worker.Ends() == 0, worker.Output);
        Assert.True(await one.Ends() == 0, one.Output);
        foreach (string file in (string[])["tiny.calibration.json", "tiny.weights.safetensors"]) Assert.Equal(File.ReadAllBytes(alone.File(file)), File.ReadAllBytes(shared.File(file)));

        // The artefact is written: who comes late has nothing to do.
        using var late = new ToolProcess(["worker", .. cluster]);
        Assert.Equal(2, await late.Ends());
        Assert.Contains("has ended", late.Output, StringComparison.Ordinal);
    }
}
