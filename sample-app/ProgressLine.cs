using Specializer;
using Specializer.Calibration;

namespace SampleApp;

/// <summary>Says on the program's status line how far a drawing is.</summary>
/// <param name="line">Of the whole program, whose drawings are many and short.</param>
/// <param name="what">Is drawn.</param>
internal sealed class ProgressLine(StatusLine line, string what) : IProgress<SampleProgress>
{
    public void Report(SampleProgress value) => line.Show(() => $"{what}: step {value.Step}/{value.Steps}");
}
