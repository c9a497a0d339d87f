using System.CommandLine;
using Specializer.Tests;
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
        Assert.Contains("--first-convolution <auto|float|quantized>", help.ToString());
        Assert.Contains("--clipping <auto|plain|weighted>", help.ToString());
        Assert.Contains("[default: budget]", help.ToString());
        Assert.Equal(BitPolicy.Budget, new CalibrationOptions().Policy);
    }

    [Theory]
    [InlineData("--policy", "Budget")]
    [InlineData("--weights", "5")]
    [InlineData("--mean-correction", "none")]
    [InlineData("--first-convolution", "8")]
    [InlineData("--clipping", "8")]
    [InlineData("--guidance-interval", "1-4")]
    [InlineData("--guidance-interval", "1..2,5")]
    [InlineData("--rule-margin", "0,9")]
    [InlineData("--preset-share", "NaN")]
    [InlineData("--engine", "onnx")]
    public void ImpossibleWordsAreRefusedBeforeAnythingRuns(string option, string value) =>
        Assert.NotEmpty(CalibrateCommand.Create().Parse([ModelFolder.Source, "--out", "nowhere", option, value]).Errors);

    /// <summary>Where the runtime gives less than is predicted, that is said before the work, and is no error.</summary>
    [Fact]
    public void Too_little_memory_is_a_warning_before_the_work()
    {
        using var model = new TinyNetwork();
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        CommandResult done = Run("out"), refused = Run("file");
        Assert.Equal((0, 2), (done.ExitCode, refused.ExitCode));
        foreach (CommandResult result in (CommandResult[])[done, refused])
            Assert.Matches(@"(?m)^warning: the calibration needs up to [0-9]+\.[0-9] GB of memory, and this computer has 0\.4 GB for it\. .*--memory GB", result.Output);

        CommandResult Run(string output) => CommandResult.Run(folder.Root, "dotnet",
            [typeof(CalibrateCommand).Assembly.Location, "calibrate", model.Root, "--out", output, "--steps", "2", "--trajectories", "2", "--weights", "8", "--check", "0", "--threads", "1", "--json"],
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x18000000" });
    }
}
