using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>One line on the error stream: phase, share done, time left.</summary>
internal sealed class ProgressLine : IProgress<CalibrationProgress>, IDisposable
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _shown = TimeSpan.MinValue;
    private double? _before;
    private bool _open;

    public void Report(CalibrationProgress value)
    {
        // A terminal is redrawn often; a log gets a line every now and then.
        TimeSpan pause = Console.IsErrorRedirected ? TimeSpan.FromSeconds(30) : TimeSpan.FromSeconds(0.2);
        if (_shown != TimeSpan.MinValue && _clock.Elapsed - _shown < pause) return;
        _shown = _clock.Elapsed;
        // What an earlier, interrupted run did took none of this run's time.
        _before ??= value.Done;
        double done = value.Done - _before.Value;
        TimeSpan left = _clock.Elapsed * (done <= 0 ? 0 : Math.Min((value.Total - value.Done) / done, 1e6));
        string line = string.Create(CultureInfo.InvariantCulture, $"{value.Done / value.Total,4:P0} {value.Phase}{(done <= 0 ? "" : $", {(int)left.TotalHours}:{left:mm\\:ss} left")}");
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
