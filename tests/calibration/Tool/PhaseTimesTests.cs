using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class PhaseTimesTests
{
    [Fact]
    public void Phases_stand_in_their_order_and_layers_are_one_phase()
    {
        var told = new List<string>();
        var times = new PhaseTimes(new Told(told));
        foreach (string phase in (string[])["activations", "rounding a, 4 bits", "rounding b, 4 bits", "noise", "activations"]) times.Report(new(phase, 0, 1));
        Assert.Equal(5, told.Count);
        Assert.Matches(@"^Processor time: activations \d+ s, rounding \d+ s, noise \d+ s\. Memory: \d+\.\d GB at most\.$", times.ToString());
    }

    private sealed class Told(List<string> phases) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => phases.Add(value.Phase);
    }
}
