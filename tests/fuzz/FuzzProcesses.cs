using System.Diagnostics;
using System.Globalization;

namespace Specializer.Fuzz;

/// <summary>Fuzzes in processes side by side, each with a seed of its own: the counters of branches are one map a process.</summary>
internal static class FuzzProcesses
{
    /// <summary>Has a process give its results as lines of <see cref="FuzzResult.ToLine"/>.</summary>
    public const string Child = "--child";

    // Large and odd: the next seeds are other runs'.
    private const int SeedStep = 0x1E3779B1;

    /// <summary>The sums of all processes, a target each; null where a process did not come to its end.</summary>
    /// <param name="target">A target, or "all".</param>
    /// <param name="processes">How many.</param>
    /// <param name="seed">That of the first; those of the others follow from it.</param>
    /// <param name="count">Inputs of all processes for a target; null for as many as come.</param>
    /// <param name="time">For a target; null for its default.</param>
    /// <param name="plain">Without counters of branches.</param>
    public static async Task<FuzzResult[]?> Run(string target, int processes, int seed, long? count, TimeSpan? time, bool plain)
    {
        FuzzResult[]?[] all = await Task.WhenAll(Enumerable.Range(0, processes).Select(i => Run(
        [
            target, Child, .. plain ? ["--plain"] : Array.Empty<string>(), "--seed", Text(unchecked(seed + i * SeedStep) & int.MaxValue),
            .. count is { } inputs ? ["--count", Text((inputs + i) / processes)] : Array.Empty<string>(), .. time is { } t ? ["--seconds", Text(t.TotalSeconds)] : Array.Empty<string>(),
        ])));
        return Array.Exists(all, results => results is null) ? null : [.. all.SelectMany(results => results!).GroupBy(r => r.Target).Select(g => FuzzResult.Sum([.. g]))];
    }

    private static async Task<FuzzResult[]?> Run(string[] arguments)
    {
        ProcessStartInfo start = ThisProgram.With(arguments, AppContext.BaseDirectory);
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        var results = new List<FuzzResult>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (FuzzResult.OfLine(line) is { } result) results.Add(result);
            else Console.WriteLine(line);
        }

        await process.WaitForExitAsync();
        // 1 says that something was found.
        if (process.ExitCode is 0 or 1) return [.. results];
        Console.WriteLine($"A process has ended with the exit code {process.ExitCode}; its arguments were {string.Join(' ', arguments)}.");
        return null;
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
