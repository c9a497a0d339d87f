using System.CommandLine;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class CommandLineTests
{
    [Theory]
    [InlineData("'--trajectorys'", "calibrate", "model", "--out", "out", "--trajectorys", "3")]
    [InlineData("'--guidance-rescale'", "calibrate", "model", "--out", "out", "--guidance-rescale", "0.7")]
    [InlineData("--check must be 0, or at least 2", "calibrate", "model", "--out", "out", "--check", "1")]
    [InlineData("--check must be 0, or at least 2", "calibrate", "model", "--out", "out", "--check", "-2")]
    [InlineData("'--out'", "calibrate", "model")]
    public void A_wrong_option_is_an_error_of_its_own_and_no_page_of_help(string message, params string[] arguments)
    {
        StringWriter output = new(), error = new();

        int code = ExitCode.Of(new RootCommand { CalibrateCommand.Create() }.Parse(arguments), new() { Output = output, Error = error });

        Assert.Equal(2, code);
        Assert.Contains(message, error.ToString());
        Assert.Contains(" calibrate --help' shows what there is.", error.ToString());
        Assert.DoesNotContain("--policy", output.ToString() + error);
    }

    /// <summary>A session says what it needs; the system's own exception says nothing.</summary>
    [Fact]
    public void Too_little_memory_is_bad_luck_and_no_defect()
    {
        using var error = new StringWriter();
        var console = Console.Error;
        Console.SetError(error);
        try
        {
            Assert.Equal(ExitCode.BadInput, ExitCode.Of(() => throw new OutOfMemoryException()));
            Assert.Equal(ExitCode.BadInput, ExitCode.Of(() => throw new InsufficientMemoryException("The session needs 3 MiB.")));
            Assert.Equal(ExitCode.BadInput, ExitCode.Of(() =>
            {
                MemoryNeed.Say("drawing", 1_000_000_001, "less.");
                throw new OutOfMemoryException();
            }));
        }
        finally
        {
            Console.SetError(console);
        }

        Assert.Contains("--memory GB", error.ToString());
        Assert.Contains("error: this computer has too little memory free: the drawing needs up to 1.1 GB of memory. Close other programs", error.ToString());
        Assert.Contains("error: The session needs 3 MiB.", error.ToString());
    }

    [Fact]
    public void Nothing_at_all_shows_the_commands()
    {
        var output = new StringWriter();
        Assert.Equal(2, ExitCode.Of(new RootCommand { CalibrateCommand.Create() }.Parse([]), new() { Output = output, Error = new StringWriter() }));
        Assert.Contains("calibrate <model>", output.ToString());
    }

    [Fact]
    public void A_model_that_does_not_lie_beside_its_artefact_is_asked_for_by_the_options_name()
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist");
        foreach (string name in (string[])["mnist.calibration.json", "mnist.weights.safetensors"]) File.Copy(Path.Combine(source, name), folder.File(name));
        using var device = new CpuDevice(1);

        var error = Assert.Throws<ArtifactException>(() => EvaluateCommand.Evaluate(folder.Root, folder.File("mnist.calibration.json"), null, new() { Images = 2, Ablation = false }, device, default));

        Assert.Contains("--model", error.Message);
    }

    [Fact]
    public void A_file_is_no_missing_folder()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        Assert.EndsWith("file: is a file. Name the folder that holds it.", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Find(folder.File("file"))).Message);
        Assert.EndsWith("none: the folder does not exist.", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Find(folder.File("none"))).Message);
    }
}
