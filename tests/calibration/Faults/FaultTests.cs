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
    private const int Spread = 4;

    private static readonly string? s_most = Environment.GetEnvironmentVariable("SPECIALIZER_FAULTS");

    /// <summary>Operations that the longer test lets fail, each way, evenly spread over those where that makes a difference: so many as the variable SPECIALIZER_FAULTS says, which may be "all"; that takes long.
    /// Of commands that calibrate or draw a whole pipeline, or several schedulers, two without it: each takes ten times as long.</summary>
    private static int Most(string command) => s_most == "all" ? int.MaxValue
        : int.TryParse(s_most, out int most) ? most
        : command.EndsWith("prompts", StringComparison.Ordinal) || command.EndsWith("several", StringComparison.Ordinal) ? 2 : 16;

    private readonly TinyNetwork _model = new(), _other = new(seed: 2);
    private readonly Lazy<TinyPipeline> _pipeline = new(() => new()), _otherPipeline = new(() => new(seed: 2));
    private readonly TemporaryFolder _folders = new();
    private int _runs;

    public void Dispose()
    {
        _model.Dispose();
        _other.Dispose();
        foreach (Lazy<TinyPipeline> pipeline in new[] { _pipeline, _otherPipeline }.Where(p => p.IsValueCreated)) pipeline.Value.Dispose();
        _folders.Dispose();
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void ASpreadOfOperationsFails(string command) => Try(command, (operations, random) => Enumerable.Range(0, Spread).Select(_ => random.Next(operations)).Append(operations - 1));

    [Theory]
    [Trait("Duration", "Long")]
    [MemberData(nameof(Commands))]
    [InlineData("calibrate several")]
    [InlineData("calibrate prompts")]
    [InlineData("export int8")]
    [InlineData("export prompts")]
    [InlineData("sample prompts")]
    public void ManyOperationsFail(string command) => Try(command, (operations, _) => Enumerable.Range(0, Math.Min(operations, Most(command))).Select(i => (int)((long)i * operations / Math.Min(operations, Most(command)))));

    public static TheoryData<string> Commands() => ["calibrate", "evaluate", "export", "export apart", "sample", "serve", "new"];

    private void Try(string command, Func<int, Random, IEnumerable<int>> choose)
    {
        (string artifact, string otherArtifact) = (_folders.File("artifact"), _folders.File("other-artifact"));
        (string model, string other) = command.EndsWith("prompts", StringComparison.Ordinal) ? (_pipeline.Value.Root, _otherPipeline.Value.Root) : (_model.Root, _other.Root);
        if (command is "evaluate" or "new" or "serve")
        {
            Assert.Equal(0, Run("calibrate", model, "", artifact));
            Assert.Equal(0, Run("calibrate", other, "", otherArtifact));
        }

        // What writes a new project refuses to write over one.
        Dictionary<string, byte[]> earlier = command == "new" ? [] : Whole(other, otherArtifact);
        Dictionary<string, byte[]> expected;
        FaultyDisk sound;
        using (sound = new()) expected = Whole(model, artifact);
        Assert.NotEmpty(expected);
        Assert.All(earlier, e => Assert.False(expected[e.Key].AsSpan().SequenceEqual(e.Value)));
        foreach (DiskFault fault in FaultyDisk.Faults)
        {
            int[] places = sound.Places(fault);
            // Where nothing is written no disk is too full: that is seen once.
            foreach (int at in places.Length == 0 ? [0] : choose(places.Length, new(places.Length)).Distinct().Select(i => places[i]))
            {
                string folder = NewFolder(), failed;
                foreach (var (name, bytes) in earlier) File.WriteAllBytes(Path.Combine(folder, name), bytes);
                int? code;
                using (var disk = new FaultyDisk(fault, at, folder))
                {
                    code = RunOrDie(command, model, artifact, folder);
                    failed = $"{command}, operation {at} of {sound.Operations}, {fault}: {disk.Failed}";
                }

                Dictionary<string, byte[]> left = Files(folder);
                foreach (var (name, bytes) in left.Where(f => expected.ContainsKey(f.Key)))
                    Assert.True(Is(expected, name, bytes) || Is(earlier, name, bytes), $"{failed}: {name} is there, and is not whole");
                foreach (string binding in left.Keys.Where(f => Binds(f) && expected.ContainsKey(f)))
                {
                    Dictionary<string, byte[]> bound = Is(expected, binding, left[binding]) ? expected : earlier;
                    Assert.True(bound.Where(b => !Binds(b.Key)).All(b => left.TryGetValue(b.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(b.Value)), $"{failed}: {binding} is there, and what it names is another");
                }

                Assert.True(code is not 1, $"{failed}: no verdict was asked for");
                if (command == "serve" && fault is DiskFault.Full or DiskFault.Denied) Assert.True(code == 0, $"{failed}: nothing is to be written");
                string[] open = OpenFiles.Of(folder, artifact);
                Assert.True(open.Length == 0, $"{failed}: {string.Join(", ", open)} stays open");
                // Nothing brings back what has gone after it was written.
                if (code == 0 && fault != DiskFault.Vanished) Assert.True(expected.All(e => left.TryGetValue(e.Key, out byte[]? bytes) && bytes.AsSpan().SequenceEqual(e.Value)), $"{failed}: succeeded, and leaves {string.Join(", ", left.Keys)}");
                if (command == "new" && expected.Keys.Any(left.ContainsKey)) continue;
                Directory.CreateDirectory(folder);
                Assert.True(Run(command, model, artifact, folder) == 0, $"{failed}: cannot be run again");
                left = Files(folder);
                Assert.True(left.Keys.Order(StringComparer.Ordinal).SequenceEqual(expected.Keys.Order(StringComparer.Ordinal)), $"{failed}: run again, it leaves {string.Join(", ", left.Keys)}");
                Assert.All(expected, f => Assert.True(f.Value.AsSpan().SequenceEqual(left[f.Key]), $"{failed}: run again, {f.Key} is another"));
                Directory.Delete(folder, recursive: true);
            }
        }

        Dictionary<string, byte[]> Whole(string model, string artifact)
        {
            string folder = NewFolder();
            Assert.Equal(0, Run(command, model, artifact, folder));
            return Files(folder);
        }

        // Names the others.
        static bool Binds(string name) => name.EndsWith(".calibration.json", StringComparison.Ordinal) || name.EndsWith(".onnx", StringComparison.Ordinal);

        static bool Is(Dictionary<string, byte[]> files, string name, byte[] bytes) => files.TryGetValue(name, out byte[]? whole) && whole.AsSpan().SequenceEqual(bytes);
    }

    private static int? RunOrDie(string command, string model, string artifact, string folder)
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

    private static int Run(string command, string model, string artifact, string folder)
    {
        string[] calibrate = [model, "--name", "tiny", "--out", folder, "--steps", "2", "--trajectories", "2", "--weights", "8", "--check", "0", "--threads", "1"];
        (Command run, string[] arguments) = command switch
        {
            "calibrate" => (CalibrateCommand.Create(), calibrate),
            "calibrate several" => (CalibrateCommand.Create(), [.. calibrate, "--scheduler", "ddim", "dpmsolver++"]),
            "calibrate prompts" => (CalibrateCommand.Create(), [.. calibrate, "--prompts", Prompts(model)]),
            "evaluate" => (EvaluateCommand.Create(), [artifact, "--model", model, "--seeds", "0..1", "--ablation", "none", "--threads", "1", "--markdown", Path.Combine(folder, "report.md"), "--resume", folder]),
            "export" => (ExportCommand.Create(), [model, "--onnx", Path.Combine(folder, "model.onnx"), "--threads", "1"]),
            "export apart" => (ExportCommand.Create(), [model, "--onnx", Path.Combine(folder, "model.onnx"), "--external-data", "--threads", "1"]),
            "export int8" => (ExportCommand.Create(), [model, "--onnx", Path.Combine(folder, "model.onnx"), "--int8", "--threads", "1"]),
            "export prompts" => (ExportCommand.Create(), [model, "--onnx", Path.Combine(folder, "model.onnx"), "--part", "textEncoder"]),
            "new" => (NewCommand.Create(), [Path.Combine(folder, "project"), "--artifact", artifact]),
            "serve" => (Serve(model, artifact, folder), []),
            "sample prompts" => (SampleCommand.Create(), [model, "--out", Path.Combine(folder, "picture.png"), "--steps", "2", "--prompt", "red", "--threads", "1"]),
            _ => (SampleCommand.Create(), [model, "--out", Path.Combine(folder, "picture.png"), "--steps", "2", "--threads", "1"]),
        };
        // Whatever is no documented error comes out, and is a failure.
        return run.Parse(arguments).Invoke(new() { EnableDefaultExceptionHandler = false });
    }

    private static string Prompts(string model)
    {
        string file = Path.Combine(model, "prompts.txt");
        if (!File.Exists(file)) File.WriteAllText(file, "red\na red\n");
        return file;
    }

    /// <summary>What <c>serve</c> opens, and a drawing of both models instead of a page that waits for people.</summary>
    private static Command Serve(string model, string artifact, string folder)
    {
        var command = new Command("serve");
        command.SetAction(_ => ExitCode.Of(() =>
        {
            using GalleryModel opened = ServeCommand.Load(artifact, model, false, [], new(1), TextWriter.Null);
            SampleOptions options = new() { Count = 1, Seed = 1 };
            File.WriteAllLines(Path.Combine(folder, "drawn.txt"), new[] { opened.Quantized, opened.Float32! }.Select(s => Convert.ToHexString(MemoryMarshal.AsBytes(s.Sample(options).Pixels.Span))));
            return ExitCode.Success;
        }));
        return command;
    }

    private string NewFolder() => Directory.CreateDirectory(_folders.File($"{_runs++}")).FullName;

    /// <summary>The files of a folder and those below it, by their paths in it; of reports what does not change from run to run.</summary>
    internal static Dictionary<string, byte[]> Files(string folder) =>
        !Directory.Exists(folder) ? [] : Directory.GetFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(f => Path.GetRelativePath(folder, f), Read);

    // The table of a report holds times, which are others each time.
    private static byte[] Read(string file) => !file.EndsWith(".md", StringComparison.Ordinal) ? File.ReadAllBytes(file)
        : Encoding.UTF8.GetBytes(Regex.Replace(File.ReadAllText(file), @"^\|.*$", row => Regex.Replace(row.Value, "[0-9.]+", "#"), RegexOptions.Multiline));
}
