using System.Diagnostics;

namespace Specializer.Cluster.Tests;

/// <summary>The command <c>specializer</c> as a process of its own.</summary>
internal sealed class ToolProcess : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];

    public ToolProcess(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "specializer.dll"), .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        _process = new() { StartInfo = start };
        _process.OutputDataReceived += Read;
        _process.ErrorDataReceived += Read;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    /// <summary>Processor time, read five times a second until the process ends: afterwards the system does not tell.</summary>
    public async Task<TimeSpan> ProcessorTime()
    {
        TimeSpan time = default;
        while (!_process.HasExited)
        {
            try
            {
                _process.Refresh();
                time = _process.TotalProcessorTime;
            }
            catch (InvalidOperationException)
            {
                // It ended just now.
            }

            await Task.Delay(200);
        }

        return time;
    }

    /// <summary>Waits until so many lines have a text.</summary>
    public async Task Says(string text, int times = 1)
    {
        for (int i = 0; i < 6000; i++)
        {
            lock (_lines)
            {
                if (_lines.Count(l => l.Contains(text, StringComparison.Ordinal)) >= times) return;
            }

            if (_process.HasExited) break;
            await Task.Delay(200);
        }

        throw new InvalidOperationException($"The command did not say '{text}' {times} times:\n{Output}");
    }

    public async Task<int> Ends()
    {
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(30));
        return _process.ExitCode;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGKILL to the process that this one started with such arguments.</summary>
    public void KillChild(string arguments)
    {
        int child = Directory.GetDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out int id) ? id : 0).Single(id => id > 0 && IsChild(id));
        using Process process = Process.GetProcessById(child);
        process.Kill();

        bool IsChild(int id)
        {
            try
            {
                return File.ReadLines($"/proc/{id}/status").Contains($"PPid:\t{_process.Id}") && File.ReadAllText($"/proc/{id}/cmdline").Replace('\0', ' ').Contains(arguments, StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended just now.
                return false;
            }
        }
    }

    /// <summary>Ctrl-C.</summary>
    public void Interrupt()
    {
        // Not INT, which processes ignore that descend from a shell's background job; the tool hears both alike.
        using Process kill = Process.Start("kill", ["-s", "TERM", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Read(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not { } text) return;
        lock (_lines) _lines.Add(text);
    }
}
