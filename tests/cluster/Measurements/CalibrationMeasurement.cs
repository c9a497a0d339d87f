using Specializer.Tests;

namespace Specializer.Cluster.Tests;

/// <summary>Processor time of a calibration that three processes share, two of which are killed once, beside one process's.</summary>
[Collection(SilosCollection.Name)]
public sealed class CalibrationMeasurement
{
    [MeasurementFact]
    public async Task Processor_time_of_three_workers_that_are_killed()
    {
        using TemporaryFolder alone = new(), shared = new();
        string[] options =
        [
            Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"), "--name", "measured", "--null-label", "10", "--steps", "20", "--trajectories", Environment.GetEnvironmentVariable("SPECIALIZER_CLUSTER_TRAJECTORIES") is { Length: > 0 } some ? some : "768", "--activations", "8",
            "--rounding", "nearest", "--variance-correction", "off", "--mean-correction", "divide", "--threads", "1",
        ];
        using var one = new ToolProcess(["calibrate", .. options, "--check", "0", "--out", alone.Root]);
        TimeSpan single = await one.ProcessorTime();
        Assert.True(await one.Ends() == 0, one.Output);

        int[] ports = FreePorts.Take(2);
        using var silo = new ToolProcess("silo", "--port", $"{ports[0]}", "--gateway-port", $"{ports[1]}");
        await silo.Says("ready");
        string[] cluster = [.. options, "--out", shared.Root, "--cluster", $"127.0.0.1:{ports[1]}"];
        var times = new List<Task<TimeSpan>>();
        var processes = new List<ToolProcess>();
        ToolProcess deciding = Start("calibrate");
        ToolProcess[] workers = [Start("worker"), Start("worker")];
        int kills = 0;
        for (int i = 0; i < workers.Length && !deciding.HasExited; i++)
        {
            // When three times as many units are done as processes have one: each has had its first by then, and is in the midst of another.
            while (Units() < 9 * (i + 1) && !deciding.HasExited) await Task.WhenAny(Task.Delay(200), deciding.Ends());
            if (workers[i].HasExited) continue;
            workers[i].Kill();
            workers[i] = Start("worker");
            kills++;
        }

        Assert.True(await deciding.Ends() == 0, deciding.Output);
        foreach (ToolProcess worker in workers) await worker.Ends();
        TimeSpan all = (await Task.WhenAll(times)).Aggregate((a, b) => a + b);
        foreach (string file in (string[])["measured.calibration.json", "measured.weights.safetensors"]) Assert.Equal(File.ReadAllBytes(alone.File(file)), File.ReadAllBytes(shared.File(file)));
        MeasurementFactAttribute.Report($"calibration trajectories={options[Array.IndexOf(options, "--trajectories") + 1]} processes={processes.Count} each_s={string.Join(',', times.Select(t => FormattableString.Invariant($"{t.Result.TotalSeconds:F1}")))} one_s={single.TotalSeconds:F1} three_s={all.TotalSeconds:F1} kills={kills} ratio={all / single:F3}");
        foreach (ToolProcess process in processes) process.Dispose();

        int Units() => Directory.EnumerateFiles(shared.Root, "measured.*.*-*.checkpoint").Count(f => !f.Contains(".begun.", StringComparison.Ordinal) && !f.Contains(".rounded.", StringComparison.Ordinal));

        ToolProcess Start(string command)
        {
            var process = new ToolProcess([command, .. cluster, .. command == "worker" ? [] : new[] { "--check", "0" }]);
            processes.Add(process);
            times.Add(process.ProcessorTime());
            return process;
        }
    }
}
