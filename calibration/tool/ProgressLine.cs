using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>A calibration's status line: phase, share done, time left.</summary>
internal sealed class ProgressLine : IProgress<CalibrationProgress>, IDisposable
{
    private const double EstimateFrom = 0.02;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly StatusLine _line = new();
    private string? _phase;

    public void Report(CalibrationProgress value)
    {
        // What later phases left is found when they begin.
        if (_phase is null && value.Resumed > 0) Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"An earlier run left at least {value.Resumed / value.Total:P0} of the work done: going on from there."));
        // A phase whose first line came too soon stays news.
        _line.Show(() => Text(value), isNews: _phase != value.Phase);
    }

    public void Dispose() => _line.End();

    private string Text(CalibrationProgress value)
    {
        _phase = value.Phase;
        double done = value.Done - value.Resumed;
        // The first evaluations compile the code they run, and say little about the others.
        bool known = done >= EstimateFrom * value.Total;
        TimeSpan left = known ? _clock.Elapsed * Math.Min((value.Total - value.Done) / done, 1e6) : default;
        return string.Create(CultureInfo.InvariantCulture, $"{value.Done / value.Total,4:P0} {value.Phase}{(known ? $", {(int)left.TotalHours}:{left:mm\\:ss} left" : "")}");
    }
}
