using System.Text.Json;
using Specializer.Formats;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class DiffTests
{
    private static readonly string s_models = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");

    [Fact]
    public void An_artefact_does_not_differ_from_its_copy()
    {
        using var folder = new TemporaryFolder();
        string copy = Copy(folder, text => text);
        var output = new StringWriter();
        Assert.Equal(ExitCode.Success, DiffCommand.Run(Path.Combine(s_models, "mnist.calibration.json"), copy, json: false, output));
        Assert.Contains("No difference", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Differences_are_told_by_their_place()
    {
        using var folder = new TemporaryFolder();
        string other = Copy(folder, text => text.Replace("\"name\": \"mnist\"", "\"name\": \"digits\"", StringComparison.Ordinal));
        var output = new StringWriter();
        Assert.Equal(ExitCode.Failed, DiffCommand.Run(s_models, other, json: true, output));
        JsonElement difference = Assert.Single(JsonDocument.Parse(output.ToString()).RootElement.GetProperty("differences").EnumerateArray());
        Assert.Equal("model.name", difference.GetProperty("where").GetString());
        Assert.Equal("mnist", difference.GetProperty("a").GetString());
        Assert.Equal("digits", difference.GetProperty("b").GetString());
    }

    [Fact]
    public void What_is_compared_is_what_was_checked()
    {
        var opened = new List<string>();
        Disk.Before = (operation, path) =>
        {
            if (operation == DiskOperation.Open) opened.Add(Path.GetFileName(path));
        };
        try
        {
            Assert.Empty(ArtifactDifference.Between(s_models, s_models));
        }
        finally
        {
            Disk.Before = null;
        }

        string[] once = ["mnist.calibration.json", "mnist.weights.safetensors"];
        Assert.Equal([.. once, .. once], opened);
    }

    private static string Copy(TemporaryFolder folder, Func<string, string> change)
    {
        File.Copy(Path.Combine(s_models, "mnist.weights.safetensors"), folder.File("mnist.weights.safetensors"));
        File.WriteAllText(folder.File("mnist.calibration.json"), change(File.ReadAllText(Path.Combine(s_models, "mnist.calibration.json"))));
        return folder.File("mnist.calibration.json");
    }
}
