using System.Diagnostics;

namespace Specializer.Benchmarks.Measurement;

/// <summary>This program once more, in a process that has done nothing else.</summary>
internal static class ChildProcess
{
    /// <returns>What it wrote.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(params IEnumerable<string> arguments)
    {
        // Started as `dotnet Specializer.Benchmarks.dll`, this process is dotnet, and has to be told which program.
        bool isHost = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet";
        string[] program = isHost ? [typeof(ChildProcess).Assembly.Location] : [];
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. program, .. arguments]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"The started process failed with exit code {process.ExitCode}.");
    }
}
