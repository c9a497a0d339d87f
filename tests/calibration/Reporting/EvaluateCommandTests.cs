using System.Text.Json;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class EvaluateCommandTests(AblationTests.Calibrated fixture) : IClassFixture<AblationTests.Calibrated>
{
    [Fact]
    public void Success_is_exit_code_0_and_writes_what_was_asked_for()
    {
        using var folder = new TemporaryFolder();
        string json = folder.File("new/out.json"), html = folder.File("new/out.html"), markdown = folder.File("new/out.md");
        Assert.Equal(0, Run(Path.GetDirectoryName(fixture.Manifest)!, "--model", ModelFolder.Source, "--ablation", "none", "--seeds", "3..4", "--json", json, "--html", html, "--markdown", markdown, "--threads", "2"));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(json));
        Assert.Equal(2, report.RootElement.GetProperty("rows").GetArrayLength());
        Assert.Equal((3, 2), (report.RootElement.GetProperty("firstImage").GetInt64(), report.RootElement.GetProperty("images").GetInt32()));
        Assert.Contains("| artefact | MP |", File.ReadAllText(markdown));
        Assert.StartsWith("<!DOCTYPE html>", File.ReadAllText(html));
    }

    [Fact]
    public void Bad_input_is_exit_code_2()
    {
        Assert.Equal(2, Run(Path.Combine(ModelFolder.Source, "nothing")));
        // The model does not lie in the artefact's folder.
        Assert.Equal(2, Run(Path.GetDirectoryName(fixture.Manifest)!));
        // Without libtorch in the build, or where its library is missing, there is no such row, and no silence about it.
        Assert.Equal(2, Run(Path.GetDirectoryName(fixture.Manifest)!, "--model", ModelFolder.Source, "--engine", "torchsharp", "--ablation", "none", "--seeds", "0..1"));
        Assert.Equal(2, Run(Path.GetDirectoryName(fixture.Manifest)!, "--model", ModelFolder.Source, "--classifier", Path.Combine(ModelFolder.Source, "nothing")));
    }

    [Theory]
    [InlineData("\"beta_end\": 0.02", "\"beta_end\": 0.019")]
    [InlineData("\"clip_sample\": true", "\"clip_sample\": false")]
    [InlineData("\"epsilon\"", "\"v_prediction\"")]
    public void Another_scheduler_with_the_same_timesteps_is_bad_input(string before, string after)
    {
        using var model = new ModelFolder();
        string path = Path.Combine(model.Root, "scheduler_config.json"), text = File.ReadAllText(path);
        Assert.Contains(before, text);
        File.WriteAllText(path, text.Replace(before, after, StringComparison.Ordinal));
        Assert.Equal(2, Run(Path.GetDirectoryName(fixture.Manifest)!, "--model", model.Root, "--ablation", "none", "--seeds", "0..1"));
    }

    [Theory]
    [InlineData("--seeds", "5..5")]
    [InlineData("--seeds", "7..3")]
    [InlineData("--seeds", "512")]
    [InlineData("--seeds", "-1..4")]
    [InlineData("--ablation", "some")]
    public void Impossible_options_are_refused_before_anything_runs(string option, string value) =>
        Assert.NotEmpty(EvaluateCommand.Create().Parse([ModelFolder.Source, option, value]).Errors);

    private static int Run(params string[] arguments) => EvaluateCommand.Create().Parse(arguments).Invoke();
}
