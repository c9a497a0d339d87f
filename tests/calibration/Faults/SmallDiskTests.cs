using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Commands, in processes of their own, on real disks that are full or read-only: an error in a line, and nothing that looks whole and is not.</summary>
public sealed class SmallDiskTests : IDisposable
{
    private const int MostPages = 4000;

    private readonly TinyNetwork _model = new();
    private readonly TemporaryFolder _folders = new();
    private int _runs;

    public void Dispose()
    {
        _model.Dispose();
        _folders.Dispose();
    }

    [MountTheory]
    [Trait("Duration", "Long")]
    [InlineData("calibrate")]
    [InlineData("export")]
    [InlineData("export apart")]
    [InlineData("sample")]
    [InlineData("evaluate")]
    [InlineData("new")]
    public void A_disk_may_end_anywhere(string command)
    {
        (int code, string output, Dictionary<string, byte[]> expected) = Run(command, "size=64m");
        Assert.True(code == 0, output);
        for (int pages = 1; code != 0 || pages == 1; pages += 1 + pages / 4)
        {
            Assert.True(pages < MostPages, $"{pages} pages are not enough: {output}");
            (code, output, Dictionary<string, byte[]> left) = Run(command, $"size={4 * pages}k");
            Assert.True(code == 0 ? left.Count == expected.Count : code == 2 && output.Contains("error: ", StringComparison.Ordinal), $"{pages} pages, exit code {code}: {output}");
            Assert.All(left, f => Assert.True(f.Key.EndsWith(".checkpoint", StringComparison.Ordinal) || f.Value.AsSpan().SequenceEqual(expected[f.Key]), $"{pages} pages: {f.Key} is there, and is not whole"));
        }

        A_disk_may_be_read_only(command);
    }

    [MountTheory]
    [InlineData("calibrate")]
    [InlineData("export")]
    [InlineData("sample")]
    public void A_disk_may_be_read_only(string command)
    {
        (int code, string output, Dictionary<string, byte[]> left) = Run(command, "ro");
        Assert.Equal(2, code);
        Assert.Matches("(?m)^error: .*disk", output);
        Assert.Empty(left);
    }

    [MountTheory]
    [InlineData("calibrate")]
    [InlineData("export")]
    [InlineData("export apart")]
    public void Too_little_room_is_said_before_the_work(string command)
    {
        (int code, string output, Dictionary<string, byte[]> left) = Run(command, "size=16k");
        Assert.Equal(2, code);
        Assert.Matches("(?m)^error: .* bytes are to be written, and the disk has room for [0-9,]+\\. Free [0-9,]+ bytes", output);
        Assert.Empty(left);
    }

    private (int Code, string Output, Dictionary<string, byte[]> Left) Run(string command, string disk)
    {
        string folder = Directory.CreateDirectory(_folders.File($"{_runs++}")).FullName;
        string[] arguments = command switch
        {
            "calibrate" => ["calibrate", _model.Root, "--out", SmallDisk.Place, "--steps", "2", "--trajectories", "2", "--weights", "8", "--check", "0"],
            "evaluate" => ["evaluate", Artifact(), "--model", _model.Root, "--seeds", "0..1", "--ablation", "none", "--markdown", $"{SmallDisk.Place}/report.md", "--resume", SmallDisk.Place],
            "new" => ["new", $"{SmallDisk.Place}/project", "--artifact", Artifact()],
            "sample" => ["sample", _model.Root, "--out", $"{SmallDisk.Place}/picture.png", "--steps", "2"],
            _ => ["export", _model.Root, "--onnx", $"{SmallDisk.Place}/model.onnx", .. command == "export" ? Array.Empty<string>() : ["--external-data"]],
        };
        CommandResult result = SmallDisk.Run(folder, disk, ["dotnet", typeof(CalibrateCommand).Assembly.Location, .. arguments, .. command == "new" ? Array.Empty<string>() : ["--threads", "1"]]);
        return (result.ExitCode, result.Output, FaultTests.Files(Path.Combine(folder, SmallDisk.Kept)));
    }

    private string Artifact()
    {
        string folder = _folders.File("artifact");
        if (!Directory.Exists(folder)) Assert.Equal(0, CalibrateCommand.Create().Parse([_model.Root, "--out", folder, "--steps", "2", "--trajectories", "2", "--weights", "8", "--check", "0", "--threads", "1"]).Invoke());
        return folder;
    }
}
