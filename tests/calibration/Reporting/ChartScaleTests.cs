namespace Specializer.Calibration.Tests;

public class ChartScaleTests
{
    [Theory]
    [InlineData(0.0, 0.3, "0,0.1,0.2,0.3")]
    [InlineData(-0.06, 0.01, "-0.06,-0.04,-0.02,0.00,0.02")]
    [InlineData(13.7, 36.2, "10,20,30,40")]
    [InlineData(5.0, 5.0, "2,4,6,8")]
    [InlineData(0.0, 0.0, "0.0,0.5,1.0")]
    public void Ticks_are_round_and_hold_all_values(double low, double high, string expected)
    {
        var scale = new ChartScale([high, low, double.NaN, double.PositiveInfinity], 100, 0);
        Assert.Equal(expected.Split(',').Select(double.Parse), scale.Ticks.Select(t => double.Parse(t.ToString(scale.Format, null))));
        Assert.Equal(100, scale[scale.Ticks[0]], 1e-9);
        Assert.Equal(0, scale[scale.Ticks[^1]], 1e-9);
        Assert.InRange(scale[low], 0, 100);
        Assert.InRange(scale[high], 0, 100);
    }

    [Fact]
    public void Nothing_to_show_still_has_an_axis() => Assert.Equal(0, new ChartScale([], 0, 10)[0]);
}
