using System.Text.Json;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class CalibrationSummaryTests
{
    [Theory]
    [InlineData(23.8, "Verdict: good.", "6 %")]
    [InlineData(20, "Verdict: good.", "10 %")]
    [InlineData(12, "Verdict: usable.", "25 %")]
    [InlineData(3, "Verdict: poor.", "71 %")]
    [InlineData(double.PositiveInfinity, "Verdict: good.", "0 %")]
    public void The_verdict_is_a_word_and_a_difference(double snr, string word, string difference)
    {
        string[] lines = [.. CalibrationSummary.Verdict(Report(snr), new())];

        Assert.StartsWith(word, lines[0], StringComparison.Ordinal);
        Assert.Contains($"by {difference} ", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, l => l.Contains("712,344 bytes", StringComparison.Ordinal) && l.Contains("6.3 times smaller", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("3.1 times FP32", StringComparison.Ordinal));
    }

    [Fact]
    public void What_would_be_better_is_said_and_few_trajectories_are_called_few()
    {
        Assert.DoesNotContain("--", Lines(23, new()));
        Assert.Contains("--activations 8, or --weights 8", Lines(12, new()));
        Assert.Contains(": --weights 8.", Lines(12, new() { Activations = ActivationWidth.Eight }));
        Assert.Contains("--skip", Lines(3, new() { WeightBits = 8, Activations = ActivationWidth.Eight }));
        Assert.DoesNotContain("trajectories only", Lines(23, new() { Trajectories = 64 }));
        Assert.Contains("32 trajectories only", Lines(23, new() { Trajectories = 32 }));
    }

    [Theory]
    [InlineData("mnist", "MnistSampler")]
    [InlineData("my-small_model", "MySmallModelSampler")]
    [InlineData("3d", "Model3dSampler")]
    public void The_line_for_the_project_names_a_class(string name, string type)
    {
        string folder = Path.GetFullPath("project");
        Assert.Equal($"""<CalibrationManifest Include="out/a &amp; b.calibration.json" ClassName="{type}" />""", CalibrationSummary.ProjectLine(Path.Combine(folder, "out", "a & b.calibration.json"), folder, name));
    }

    /// <summary>What <c>calibrate --json</c> prints.</summary>
    [Fact]
    public void The_outcome_in_JSON_has_the_verdicts_figures()
    {
        var outcome = new CalibrationOutcome(true, [new("out/mnist.calibration.json", "<line/>", null, CalibrationVerdict.Of(Report(12)))], ["found"]);
        using JsonDocument json = JsonDocument.Parse(CommandJson.Serialize(outcome));
        JsonElement manifest = Assert.Single(json.RootElement.GetProperty("manifests").EnumerateArray());
        Assert.Equal(("usable", 12, 712_344), (manifest.GetProperty("verdict").GetProperty("word").GetString(), manifest.GetProperty("verdict").GetProperty("snrDb").GetDouble(), manifest.GetProperty("verdict").GetProperty("weightBytes").GetInt64()));
        Assert.Equal("out/mnist.calibration.json", manifest.GetProperty("manifest").GetString());
        Assert.Equal(JsonValueKind.Null, manifest.GetProperty("page").ValueKind);
    }

    [Fact]
    public void A_cancelled_calibration_says_what_is_kept()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("starts anew", CalibrateCommand.Kept(folder.File("none"), "mnist"));
        File.WriteAllText(folder.File("other.noise.checkpoint"), "");
        Assert.Contains("starts anew", CalibrateCommand.Kept(folder.Root, "mnist"));
        File.WriteAllText(folder.File("mnist.noise.checkpoint"), "");
        Assert.Contains("goes on from there", CalibrateCommand.Kept(folder.Root, "mnist"));
    }

    private static string Lines(double snr, CalibrationOptions options) => string.Join('\n', CalibrationSummary.Verdict(Report(snr), options));

    private static EvaluationReport Report(double snr)
    {
        EvaluationReport report = SyntheticReport.Create();
        return report with { Rows = [report.Rows[0], report.Rows[^1] with { SnrDb = new(snr, snr, snr) }] };
    }
}
