using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>One line on the error stream: phase, share done, time left. Where that is a log, a line for each phase and every few seconds.</summary>
internal sealed class ProgressLine : IProgress<CalibrationProgress>, IDisposable
{
    private const double EstimateFrom = 0.02;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _shown;
    private string? _phase;
    private bool _open;

    public void Report(CalibrationProgress value)
    {
        // A terminal is redrawn often; a log gets a line every now and then, sooner for a new phase.
        TimeSpan pause = TimeSpan.FromSeconds(!Console.IsErrorRedirected ? 0.2 : _phase == value.Phase ? 10 : 1);
        if (_phase is not null && _clock.Elapsed - _shown < pause) return;
        if (_phase is null && value.Resumed > 0) Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"An earlier run left {value.Resumed / value.Total:P0} of the work done: going on from there."));
        (_phase, _shown) = (value.Phase, _clock.Elapsed);
        double done = value.Done - value.Resumed;
        // The first evaluations compile the code they run, and say little about the others.
        bool known = done >= EstimateFrom * value.Total;
        TimeSpan left = known ? _clock.Elapsed * Math.Min((value.Total - value.Done) / done, 1e6) : default;
        string line = string.Create(CultureInfo.InvariantCulture, $"{value.Done / value.Total,4:P0} {value.Phase}{(known ? $", {(int)left.TotalHours}:{left:mm\\:ss} left" : "")}");
        if (Console.IsErrorRedirected) Console.Error.WriteLine(line);
        else Console.Error.Write($"\r{line,-60}");
        _open = !Console.IsErrorRedirected;
    }

    public void Dispose()
    {
        if (_open) Console.Error.WriteLine();
        _open = false;
    }
}
