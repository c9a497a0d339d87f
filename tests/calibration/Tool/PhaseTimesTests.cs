using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class PhaseTimesTests
{
    [Fact]
    public void Phases_stand_in_their_order_and_layers_are_one_phase()
    {
        var told = new List<string>();
        var times = new PhaseTimes(new Told(told));
        foreach (string phase in (string[])["activations", "rounding a, 4 bits", "rounding b, 4 bits", "sequential rounding", "sequential rounding, a", "noise", "activations"]) times.Report(new(phase, 0, 1));
        Assert.Equal(7, told.Count);
        Assert.Matches(@"^Processor time: activations \d+ s, rounding \d+ s, sequential rounding \d+ s, noise \d+ s\. Memory: \d+\.\d GB at most\.$", times.ToString());
    }

    /// <summary>A decoder is tried again and again after the last word of progress.</summary>
    [Fact]
    public void The_last_phase_lasts_until_the_times_are_told()
    {
        TimeSpan now = default;
        var times = new PhaseTimes(new Told([]), () => now);
        foreach (var (phase, seconds) in new[] { ("noise", 5), ("decoder", 7) })
        {
            now = TimeSpan.FromSeconds(seconds);
            times.Report(new(phase, 0, 1));
        }

        now = TimeSpan.FromSeconds(100);
        Assert.StartsWith("Processor time: noise 5 s, decoder 95 s.", times.ToString(), StringComparison.Ordinal);
    }

    private sealed class Told(List<string> phases) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => phases.Add(value.Phase);
    }
}
