using System.CommandLine;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class CalibrateCommandTests
{
    [Fact]
    public void HelpShowsEachWordOnceAndTheDefaults()
    {
        var help = new StringWriter();
        Assert.Equal(0, new RootCommand { CalibrateCommand.Create() }.Parse(["calibrate", "--help"]).Invoke(new() { Output = help }));
        Assert.Contains("--activations <4|8|mixed>", help.ToString());
        Assert.Contains("--policy <budget|preset|rule>", help.ToString());
        Assert.Contains("[default: budget]", help.ToString());
        Assert.Equal(BitPolicy.Budget, new CalibrationOptions().Policy);
    }

    [Theory]
    [InlineData("--policy", "Budget")]
    [InlineData("--weights", "5")]
    [InlineData("--mean-correction", "none")]
    [InlineData("--guidance-interval", "1-4")]
    [InlineData("--guidance-interval", "1..2,5")]
    [InlineData("--rule-margin", "0,9")]
    [InlineData("--preset-share", "NaN")]
    [InlineData("--engine", "onnx")]
    public void ImpossibleWordsAreRefusedBeforeAnythingRuns(string option, string value) =>
        Assert.NotEmpty(CalibrateCommand.Create().Parse([ModelFolder.Source, "--out", "nowhere", option, value]).Errors);
}
