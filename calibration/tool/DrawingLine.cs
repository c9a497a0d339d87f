using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;

namespace Specializer.Tool;

/// <summary>Says on the status line how far a drawing is, and how long the pictures that are drawn together will still take.</summary>
internal sealed class DrawingLine(StatusLine line) : IProgress<SampleProgress>
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public void Report(SampleProgress value)
    {
        TimeSpan left = _clock.Elapsed / value.Step * (value.Steps - value.Step);
        line.Show(() => string.Create(CultureInfo.InvariantCulture, $"step {value.Step} of {value.Steps}, {value.ImagesDone} of {value.Images} pictures done, {(int)left.TotalHours}:{left:mm\\:ss} left for those at hand"));
        if (value.Step == value.Steps) _clock.Restart();
    }
}
