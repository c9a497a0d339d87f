using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>Processor time of each phase of a calibration, and the memory that it took.</summary>
/// <param name="progress">Told everything, too.</param>
/// <param name="clock">Gives the processor time so far; null for this process's.</param>
internal sealed class PhaseTimes(IProgress<CalibrationProgress> progress, Func<TimeSpan>? clock = null) : IProgress<CalibrationProgress>
{
    private const string Rounding = "rounding";

    private readonly List<string> _phases = [];
    private readonly Dictionary<string, TimeSpan> _times = new(StringComparer.Ordinal);
    private TimeSpan _before;
    private string _last = "";

    /// <inheritdoc/>
    public void Report(CalibrationProgress value)
    {
        progress.Report(value);
        // Layers are rounded one by one, each under its own name; behind a comma stands what of a phase it is.
        _last = value.Phase.StartsWith(Rounding, StringComparison.Ordinal) ? Rounding : value.Phase.Split(',')[0];
        if (_times.TryAdd(_last, default)) _phases.Add(_last);
        Count();
    }

    /// <summary>For a person: up to now, for the last phase goes on after it was last heard of.</summary>
    public override string ToString()
    {
        if (_phases.Count > 0) Count();
        using var process = Process.GetCurrentProcess();
        return string.Create(CultureInfo.InvariantCulture,
            $"Processor time: {string.Join(", ", _phases.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p} {_times[p].TotalSeconds:F0} s")))}. Memory: {process.PeakWorkingSet64 / 1e9:F1} GB at most.");
    }

    private void Count()
    {
        TimeSpan now = clock?.Invoke() ?? Environment.CpuUsage.TotalTime;
        _times[_last] += now - _before;
        _before = now;
    }
}
