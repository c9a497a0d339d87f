using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>Processor time of each phase of a calibration, and the memory that it took.</summary>
/// <param name="progress">Told everything, too.</param>
internal sealed class PhaseTimes(IProgress<CalibrationProgress> progress) : IProgress<CalibrationProgress>
{
    private const string Rounding = "rounding";

    private readonly List<string> _phases = [];
    private readonly Dictionary<string, TimeSpan> _times = new(StringComparer.Ordinal);
    private TimeSpan _before;

    /// <inheritdoc/>
    public void Report(CalibrationProgress value)
    {
        progress.Report(value);
        // Layers are rounded one by one, each under its own name.
        string phase = value.Phase.StartsWith(Rounding, StringComparison.Ordinal) ? Rounding : value.Phase;
        TimeSpan now = Environment.CpuUsage.TotalTime;
        if (_times.TryAdd(phase, default)) _phases.Add(phase);
        _times[phase] += now - _before;
        _before = now;
    }

    /// <summary>For a person.</summary>
    public override string ToString()
    {
        using var process = Process.GetCurrentProcess();
        return string.Create(CultureInfo.InvariantCulture,
            $"Processor time: {string.Join(", ", _phases.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p} {_times[p].TotalSeconds:F0} s")))}. Memory: {process.PeakWorkingSet64 / 1e9:F1} GB at most.");
    }
}
