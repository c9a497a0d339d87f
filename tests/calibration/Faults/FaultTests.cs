using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Specializer.Gallery;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Commands on a disk that fails at any one of their operations, in a folder that holds what another model has left under the same names: they end with an error or with all of their files,
/// no file is there that is neither the old one nor the new one, none binds one of the other kind, and the same command, run again, leaves the bytes and the files of a run that nothing went wrong with.</summary>
public sealed class FaultTests : IDisposable
{
    private const int Spread = 5;

    /// <summary>Operations that the longer test lets fail, evenly spread; all where the variable SPECIALIZER_FAULTS is "all", which takes long.</summary>
    private static readonly int s_most = Environment.GetEnvironmentVariable("SPECIALIZER_FAULTS") == "all" ? int.MaxValue : 16;

    private readonly TinyNetwork _model = new(), _other = new(seed: 2);
    private readonly TemporaryFolder _folders = new();
    private int _runs;

    public void Dispose()
    {
        _model.Dispose();
        _other.Dispose();
        _folders.Dispose();
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void ASpreadOfOperationsFails(string command) => Try(command, (operations, random) => Enumerable.Range(0, Spread).Select(_ => random.Next(operations)).Append(operations - 1));

    [Theory]
    [Trait("Duration", "Long")]
    [MemberData(nameof(Commands))]
    public void ManyOperationsFail(string command) => Try(command, (operations, _) => Enumerable.Range(0, Math.Min(operations, s_most)).Select(i => (int)((long)i * operations / Math.Min(operations, s_most))));

    public static TheoryData<string> Commands() => ["calibrate", "evaluate", "export", "export apart", "sample", "serve", "new"];

    private void Try(string command, Func<int, Random, IEnumerable<int>> choose)
    {
        (string artifact, string otherArtifact) = (_folders.File("artifact"), _folders.File("other-artifact"));
        if (command is "evaluate" or "new" or "serve")
        {
            Assert.Equal(0, Run("calibrate", _model, "", artifact));
            Assert.Equal(0, Run("calibrate", _other, "", otherArtifact));
        }

        // What writes a new project refuses to write over one.
        Dictionary<string, byte[]> earlier = command == "new" ? [] : Whole(_other, otherArtifact);
        int operations;
        Dictionary<string, byte[]> expected;
        using (var disk = new FaultyDisk())
        {
            expected = Whole(_model, artifact);
            operations = disk.Operations;
        }

        Assert.NotEmpty(expected);
        Assert.All(earlier, e => Assert.False(expected[e.Key].AsSpan().SequenceEqual(e.Value)));
        foreach (DiskFault fault in FaultyDisk.Faults)
        {
            foreach (int at in choose(operations, new(operations)).Distinct())
            {
                string folder = NewFolder(), failed;
                foreach (var (name, bytes) in earlier) File.WriteAllBytes(Path.Combine(folder, name), bytes);
                int? code;
                using (var disk = new FaultyDisk(fault, at, folder))
                {
                    code = RunOrDie(command, _model, artifact, folder);
                    failed = $"{command}, operation {at} of {operations}, {fault}: {disk.Failed}";
                }

                Dictionary<string, byte[]> left = Files(folder);
                foreach (var (name, bytes) in left.Where(f => expected.ContainsKey(f.Key)))
                    Assert.True(Is(expected, name, bytes) || Is(earlier, name, bytes), $"{failed}: {name} is there, and is not whole");
                // What names the others.
                if (left.Keys.FirstOrDefault(f => f.EndsWith(".calibration.json", StringComparison.Ordinal) || f.EndsWith(".onnx", StringComparison.Ordinal)) is { } binding && expected.ContainsKey(binding))
                {
                    Dictionary<string, byte[]> bound = Is(expected, binding, left[binding]) ? expected : earlier;
                    Assert.True(bound.All(b => left.TryGetValue(b.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(b.Value)), $"{failed}: {binding} is there, and what it names is another");
                }

                Assert.True(code is not 1, $"{failed}: no verdict was asked for");
                // Nothing brings back what has gone after it was written.
                if (code == 0 && fault != DiskFault.Vanished) Assert.True(expected.All(e => left.TryGetValue(e.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(e.Value)), $"{failed}: succeeded, and leaves {string.Join(", ", left.Keys)}");
                if (command == "new" && expected.Keys.Any(left.ContainsKey)) continue;
                Directory.CreateDirectory(folder);
                Assert.True(Run(command, _model, artifact, folder) == 0, $"{failed}: cannot be run again");
                left = Files(folder);
                Assert.True(left.Keys.Order(StringComparer.Ordinal).SequenceEqual(expected.Keys.Order(StringComparer.Ordinal)), $"{failed}: run again, it leaves {string.Join(", ", left.Keys)}");
                Assert.All(expected, f => Assert.True(f.Value.AsSpan().SequenceEqual(left[f.Key]), $"{failed}: run again, {f.Key} is another"));
                Directory.Delete(folder, recursive: true);
            }
        }

        Dictionary<string, byte[]> Whole(TinyNetwork model, string artifact)
        {
            string folder = NewFolder();
            Assert.Equal(0, Run(command, model, artifact, folder));
            return Files(folder);
        }

        static bool Is(Dictionary<string, byte[]> files, string name, byte[] bytes) => files.TryGetValue(name, out byte[]? whole) && whole.AsSpan().SequenceEqual(bytes);
    }

    private static int? RunOrDie(string command, TinyNetwork model, string artifact, string folder)
    {
        try
        {
            return Run(command, model, artifact, folder);
        }
        catch (KilledException)
        {
            return null;
        }
    }

    private static int Run(string command, TinyNetwork model, string artifact, string folder)
    {
        (Command run, string[] arguments) = command switch
        {
            "calibrate" => (CalibrateCommand.Create(), (string[])[model.Root, "--out", folder, "--steps", "2", "--trajectories", "2", "--weights", "8", "--check", "0", "--threads", "1"]),
            "evaluate" => (EvaluateCommand.Create(), [artifact, "--model", model.Root, "--seeds", "0..1", "--ablation", "none", "--threads", "1", "--markdown", Path.Combine(folder, "report.md"), "--resume", folder]),
            "export" => (ExportCommand.Create(), [model.Root, "--onnx", Path.Combine(folder, "model.onnx"), "--threads", "1"]),
            "export apart" => (ExportCommand.Create(), [model.Root, "--onnx", Path.Combine(folder, "model.onnx"), "--external-data", "--threads", "1"]),
            "new" => (NewCommand.Create(), [Path.Combine(folder, "project"), "--artifact", artifact]),
            "serve" => (Serve(model, artifact, folder), []),
            _ => (SampleCommand.Create(), [model.Root, "--out", Path.Combine(folder, "picture.png"), "--steps", "2", "--threads", "1"]),
        };
        // Whatever is no documented error comes out, and is a failure.
        return run.Parse(arguments).Invoke(new() { EnableDefaultExceptionHandler = false });
    }

    /// <summary>What <c>serve</c> opens, and a drawing of both models instead of a page that waits for people.</summary>
    private static Command Serve(TinyNetwork model, string artifact, string folder)
    {
        var command = new Command("serve");
        command.SetAction(_ => ExitCode.Of(() =>
        {
            using GalleryModel opened = ServeCommand.Load(artifact, model.Root, false, [], new(1), TextWriter.Null);
            SampleOptions options = new() { Count = 1, Seed = 1 };
            File.WriteAllLines(Path.Combine(folder, "drawn.txt"), new[] { opened.Quantized, opened.Float32! }.Select(s => Convert.ToHexString(MemoryMarshal.AsBytes(s.Sample(options).Pixels.Span))));
            return ExitCode.Success;
        }));
        return command;
    }

    private string NewFolder() => Directory.CreateDirectory(_folders.File($"{_runs++}")).FullName;

    private static Dictionary<string, byte[]> Files(string folder) =>
        !Directory.Exists(folder) ? [] : Directory.GetFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(folder, f), Read);

    // The table of a report holds times, which are others each time.
    private static byte[] Read(string file) => !file.EndsWith(".md", StringComparison.Ordinal) ? File.ReadAllBytes(file)
        : Encoding.UTF8.GetBytes(Regex.Replace(File.ReadAllText(file), @"^\|.*$", row => Regex.Replace(row.Value, "[0-9.]+", "#"), RegexOptions.Multiline));
}
