using System.Diagnostics;

namespace Specializer.Fuzz;

/// <summary>The time of a run that may take hours; says each minute what it has come to, so that little is lost where it is ended.</summary>
internal sealed class Progress
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(1);

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _next = s_interval;

    /// <summary>Since it began.</summary>
    public TimeSpan Elapsed => _watch.Elapsed;

    /// <summary>Asked between any two inputs.</summary>
    /// <param name="result">What it has come to.</param>
    public void Report(Func<object> result)
    {
        if (Elapsed < _next) return;
        _next = Elapsed + s_interval;
        Console.WriteLine($"{result()} so far");
    }
}
