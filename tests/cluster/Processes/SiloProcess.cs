using System.Diagnostics;
using System.Globalization;

namespace Specializer.Cluster.Tests;

/// <summary>A silo as a process of its own, on this machine's loopback address.</summary>
internal sealed class SiloProcess : IDisposable
{
    /// <summary>An environment variable; where it is set, silos that are ready run before all other processes (Linux, as root): others' load is not measured.</summary>
    public const string RealTime = "SPECIALIZER_CLUSTER_REAL_TIME";

    private readonly Process _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _lines = [];
    private readonly List<SiloActivity> _activities = [];
    private int _pictures;

    private SiloProcess(Process process, int siloPort)
    {
        (_process, SiloPort) = (process, siloPort);
        process.OutputDataReceived += Read;
        process.ErrorDataReceived += Read;
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException($"The silo ended before it was ready:\n{Output}"));
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int SiloPort { get; }

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    /// <summary>Pictures that the silo wrote so far, where it was started with <c>--pictures=true</c>.</summary>
    public int Pictures => Volatile.Read(ref _pictures);

    /// <summary>Bytes of memory that the silo has.</summary>
    public long Memory
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>What the silo did so far, where it was started with <c>--activities=true</c>.</summary>
    public IReadOnlyList<SiloActivity> Activities
    {
        get
        {
            lock (_lines) return [.. _activities];
        }
    }

    public static async Task<SiloProcess> Start(string store, int siloPort, int gatewayPort, int primaryPort = 0, string? postgres = null, params string[] more)
    {
        // What starts takes processors from the others, as it would not on a machine of its own: where those are to be measured, it has to stand back until it is ready.
        bool backstage = Environment.GetEnvironmentVariable(RealTime) is { Length: > 0 };
        var start = new ProcessStartInfo(backstage ? "chrt" : "dotnet", backstage ? ["--other", "0", "dotnet"] : []) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Specializer.ClusterSilo.dll"));
        string[] settings =
        [
            $"--store={store}", string.Create(CultureInfo.InvariantCulture, $"--silo-port={siloPort}"), string.Create(CultureInfo.InvariantCulture, $"--gateway-port={gatewayPort}"),
            string.Create(CultureInfo.InvariantCulture, $"--primary-port={primaryPort}"), .. postgres is null ? [] : new[] { $"--postgres={postgres}" }, .. more,
        ];
        foreach (string setting in settings) start.ArgumentList.Add(setting);
        var silo = new SiloProcess(Process.Start(start)!, siloPort);
        try
        {
            await silo._ready.Task.WaitAsync(TimeSpan.FromMinutes(10));
            if (backstage) Process.Start("chrt", ["--all-tasks", "--rr", "--pid", "1", $"{silo._process.Id}"]).WaitForExit();
            return silo;
        }
        catch (TimeoutException)
        {
            silo.Dispose();
            throw new TimeoutException($"The silo was not ready in time:\n{silo.Output}");
        }
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGSTOP, SIGCONT or SIGTERM; nothing where the process has ended.</summary>
    public void Signal(string name)
    {
        if (_process.HasExited) return;
        using Process kill = Process.Start("kill", ["-s", name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.True(kill.ExitCode == 0 || _process.HasExited);
    }

    public Task WaitForExit(TimeSpan most) => _process.WaitForExitAsync().WaitAsync(most);

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Read(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not { } text) return;
        lock (_lines)
        {
            if (text.StartsWith("picture ", StringComparison.Ordinal)) _pictures++;
            else if (text.StartsWith("activity ", StringComparison.Ordinal)) _activities.Add(SiloActivity.Parse(text));
            else if (_lines.Count < 10_000) _lines.Add(text);
        }

        if (text == "ready") _ready.TrySetResult();
    }
}
