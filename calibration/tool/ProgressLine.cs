using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>One line on the error stream: phase, share done, time left.</summary>
internal sealed class ProgressLine : IProgress<CalibrationProgress>, IDisposable
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan? _shown;
    private bool _open;

    public void Report(CalibrationProgress value)
    {
        // A terminal is redrawn often; a log gets a line every now and then.
        TimeSpan pause = Console.IsErrorRedirected ? TimeSpan.FromSeconds(30) : TimeSpan.FromSeconds(0.2);
        if (_shown is { } shown && _clock.Elapsed - shown < pause) return;
        _shown = _clock.Elapsed;
        double share = value.Done / value.Total;
        TimeSpan left = share > 0 ? _clock.Elapsed * ((1 - share) / share) : TimeSpan.Zero;
        string line = string.Create(CultureInfo.InvariantCulture, $"{share,4:P0} {value.Phase}, {left:h\\:mm\\:ss} left");
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
