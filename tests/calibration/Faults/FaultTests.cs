using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Commands on a disk that fails at any one of their operations: they end with an error or with all of their files, no file looks whole that is not, and the same command, run again, leaves the bytes and the files of a run that nothing went wrong with.</summary>
public sealed class FaultTests : IDisposable
{
    private const int Spread = 6;

    /// <summary>Operations that the longer test lets fail, evenly spread; all where the variable SPECIALIZER_FAULTS is "all", which takes long.</summary>
    private static readonly int s_most = Environment.GetEnvironmentVariable("SPECIALIZER_FAULTS") == "all" ? int.MaxValue : 24;

    private readonly TinyNetwork _model = new();
    private readonly TemporaryFolder _folders = new();
    private int _runs;

    public void Dispose()
    {
        _model.Dispose();
        _folders.Dispose();
    }

    [Theory]
    [InlineData("calibrate")]
    [InlineData("evaluate")]
    [InlineData("export")]
    [InlineData("sample")]
    [InlineData("new")]
    public void ASpreadOfOperationsFails(string command) => Try(command, (operations, random) => Enumerable.Range(0, Spread).Select(_ => random.Next(operations)).Append(operations - 1));

    [Theory]
    [Trait("Duration", "Long")]
    [InlineData("calibrate")]
    [InlineData("evaluate")]
    [InlineData("export")]
    [InlineData("sample")]
    [InlineData("new")]
    public void ManyOperationsFail(string command) => Try(command, (operations, _) => Enumerable.Range(0, Math.Min(operations, s_most)).Select(i => (int)((long)i * operations / Math.Min(operations, s_most))));

    private void Try(string command, Func<int, Random, IEnumerable<int>> choose)
    {
        string artifact = _folders.File("artifact");
        if (command is "evaluate" or "new") Assert.Equal(0, Run("calibrate", artifact, artifact));
        string whole = NewFolder();
        int operations;
        using (var disk = new FaultyDisk())
        {
            Assert.Equal(0, Run(command, artifact, whole));
            operations = disk.Operations;
        }

        Dictionary<string, byte[]> expected = Files(whole);
        Assert.NotEmpty(expected);
        foreach (DiskFault fault in Enum.GetValues<DiskFault>())
        {
            foreach (int at in choose(operations, new(operations)).Distinct())
            {
                string folder = NewFolder(), failed;
                int? code;
                using (var disk = new FaultyDisk(fault, at))
                {
                    code = RunOrDie(command, artifact, folder);
                    failed = $"{command}, operation {at} of {operations}, {fault}: {disk.Failed}";
                }

                Dictionary<string, byte[]> left = Files(folder);
                foreach (var (name, bytes) in left.Where(f => expected.ContainsKey(f.Key))) Assert.True(bytes.AsSpan().SequenceEqual(expected[name]), $"{failed}: {name} is there, and is not whole");
                if (code == 0) Assert.True(expected.Keys.All(left.ContainsKey), $"{failed}: succeeded without {string.Join(", ", expected.Keys.Except(left.Keys))}");
                // What writes a new project refuses to write over one.
                if (command == "new" && expected.Keys.Any(left.ContainsKey)) continue;
                Assert.True(Run(command, artifact, folder) == 0, $"{failed}: cannot be run again");
                left = Files(folder);
                Assert.True(left.Keys.Order(StringComparer.Ordinal).SequenceEqual(expected.Keys.Order(StringComparer.Ordinal)), $"{failed}: run again, it leaves {string.Join(", ", left.Keys)}");
                Assert.All(expected, f => Assert.True(f.Value.AsSpan().SequenceEqual(left[f.Key]), $"{failed}: run again, {f.Key} is another"));
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private int? RunOrDie(string command, string artifact, string folder)
    {
        try
        {
            return Run(command, artifact, folder);
        }
        catch (KilledException)
        {
            return null;
        }
    }

    private int Run(string command, string artifact, string folder)
    {
        (Command run, string[] arguments) = command switch
        {
            "calibrate" => (CalibrateCommand.Create(), (string[])[_model.Root, "--out", folder, "--steps", "2", "--trajectories", "2", "--weights", "8", "--check", "0", "--threads", "1"]),
            "evaluate" => (EvaluateCommand.Create(), [artifact, "--model", _model.Root, "--seeds", "0..1", "--ablation", "none", "--threads", "1", "--markdown", Path.Combine(folder, "report.md"), "--resume", folder]),
            "export" => (ExportCommand.Create(), [_model.Root, "--onnx", Path.Combine(folder, "model.onnx"), "--threads", "1"]),
            "new" => (NewCommand.Create(), [Path.Combine(folder, "project"), "--artifact", artifact]),
            _ => (SampleCommand.Create(), [_model.Root, "--out", Path.Combine(folder, "picture.png"), "--steps", "2", "--threads", "1"]),
        };
        // Whatever is no documented error comes out, and is a failure.
        return run.Parse(arguments).Invoke(new() { EnableDefaultExceptionHandler = false });
    }

    private string NewFolder() => Directory.CreateDirectory(_folders.File($"{_runs++}")).FullName;

    private static Dictionary<string, byte[]> Files(string folder) =>
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(folder, f), Read);

    // The table of a report holds times, which are others each time.
    private static byte[] Read(string file) => !file.EndsWith(".md", StringComparison.Ordinal) ? File.ReadAllBytes(file)
        : Encoding.UTF8.GetBytes(Regex.Replace(File.ReadAllText(file), @"^\|.*$", row => Regex.Replace(row.Value, "[0-9.]+", "#"), RegexOptions.Multiline));
}
