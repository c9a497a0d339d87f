using System.Text.Json;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class VerifyCommandTests
{
    private static readonly string Golden = Path.Combine(ModelFolder.Source, "golden.safetensors");

    [Fact]
    public void Success_is_exit_code_0_and_every_figure_is_in_the_json()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, Run(ModelFolder.Source, "--against", Golden, "--json", folder.File("new/out.json"), "--threads", "2"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(folder.File("new/out.json")));
        Assert.Contains("_diffusers_version", json.RootElement.GetProperty("ignored").EnumerateArray().Select(i => i.GetProperty("key").GetString()));
        Assert.Equal(["eps", "ddim", "ddim_eta1"], json.RootElement.GetProperty("checks").EnumerateArray().Select(c => c.GetProperty("name").GetString()!));
    }

    [Fact]
    public void An_error_above_the_tolerance_is_exit_code_1() => Assert.Equal(1, Run(ModelFolder.Source, "--against", Golden, "--tolerance", "1e-12"));

    [Fact]
    public void Bad_input_is_exit_code_2()
    {
        Assert.Equal(2, Run(Path.Combine(ModelFolder.Source, "nothing"), "--against", Golden));
        Assert.Equal(2, Run(ModelFolder.Source, "--against", Path.Combine(ModelFolder.Source, "nothing.safetensors")));
        Assert.Equal(2, Run(ModelFolder.Source, "--against", Path.Combine(ModelFolder.Source, "config.json")));
    }

    [Theory]
    [InlineData("--tolerance", "much")]
    [InlineData("--tolerance", "0")]
    [InlineData("--tolerance", "NaN")]
    [InlineData("--tolerance", "0,001")]
    [InlineData("--trajectory-tolerance", "Infinity")]
    [InlineData("--threads", "two")]
    [InlineData("--tolerence", "1")]
    public void A_mistyped_option_is_exit_code_2_and_no_exception(string option, string value) =>
        Assert.Equal(2, Run(ModelFolder.Source, "--against", Golden, option, value));

    [Fact]
    public void Messages_do_not_name_parameters_of_methods()
    {
        ArgumentException range = Assert.ThrowsAny<ArgumentException>(() => DiffusersImporter.Load(ModelFolder.Source, nullLabel: 11));
        Assert.Contains("(Parameter '", range.Message);
        Assert.Equal("The null label must be one of the model's 11 classes, or -1 for none.", ExitCode.Message(range));
        Assert.Equal("a\nb", ExitCode.Message(new ArtifactException("x", "a\nb"))["x: ".Length..]);
    }

    [Fact]
    public void Messages_about_artefacts_hold_nothing_that_steers_a_terminal()
    {
        string message = new ArtifactException("x", $"first \u001b[2J{new string('x', 1 << 20)}\nsecond \u202e").Message;
        Assert.DoesNotContain('\u001b', message);
        Assert.DoesNotContain('\u202e', message);
        Assert.InRange(message.Length, 1, 2000);
        Assert.Equal(2, message.Split('\n').Length);
    }

    [Fact]
    public void Half_precision_has_a_wider_tolerance_unless_one_is_given()
    {
        using var folder = new ModelFolder();
        HalfPrecision.Write(Path.Combine(ModelFolder.Source, "diffusion_pytorch_model.safetensors"), folder.Weights);
        Assert.Equal(0, Run(folder.Root, "--against", Golden));
        Assert.Equal(1, Run(folder.Root, "--against", Golden, "--tolerance", "2e-5"));
    }

    [Fact]
    public void A_folder_where_a_file_should_be_written_is_bad_input_before_anything_runs()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => OutputFile.Prepare(new(folder.Root))).Message);
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => OutputFile.Prepare(new(Path.GetPathRoot(folder.Root)!))).Message);
        OutputFile.Prepare(new(folder.File("new/file")));
        Assert.Empty(Directory.GetFileSystemEntries(folder.File("new")));
        // A folder that takes no files, not even an administrator's.
        if (OperatingSystem.IsLinux())
            Assert.StartsWith("/proc/report.json: cannot be written", Assert.Throws<IOException>(() => OutputFile.Prepare(new("/proc/report.json"))).Message, StringComparison.Ordinal);
    }

    private static int Run(params string[] arguments) => ExitCode.Of(VerifyCommand.Create().Parse(arguments));
}
