using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class StatusLineTests
{
    /// <summary>A log has the first line at once, so that nobody waits in the dark, and what follows it within ten seconds is not worked out.</summary>
    [Fact]
    public void A_log_has_the_first_line_at_once_and_few_others()
    {
        var log = new StringWriter { NewLine = "\n" };
        var line = new StatusLine(log);
        int asked = 0;
        for (int i = 0; i < 100; i++) line.Show(() => $"{++asked}");
        line.Clear();
        line.End();
        Assert.StartsWith("1\n", log.ToString(), StringComparison.Ordinal);
        Assert.Equal(asked, log.ToString().Count(c => c == '\n'));
        Assert.InRange(asked, 1, 99);
    }

    /// <summary>Full size takes minutes a step.</summary>
    [Fact]
    public void A_drawing_says_after_its_first_step_how_far_it_is()
    {
        var log = new StringWriter { NewLine = "\n" };
        new DrawingLine(new StatusLine(log)).Report(new(1, 25, 0, 4));
        Assert.Matches(@"^step 1 of 25, 0 of 4 pictures done, \d+:\d\d:\d\d left for those at hand\n$", log.ToString());
    }
}
