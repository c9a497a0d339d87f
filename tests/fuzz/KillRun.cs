using System.Diagnostics;
using Specializer.Calibration;
using Specializer.Calibration.Tests;
using Specializer.Tests;

namespace Specializer.Fuzz;

/// <summary>Calibrations in processes of their own that are killed at any time and started again, until one ends: the bytes and the files of one that nobody killed.</summary>
internal static class KillRun
{
    /// <summary>First argument of a process that calibrates; model and folder follow.</summary>
    public const string Child = "calibrate-until-killed";

    /// <summary>Kills at least so many processes, for at least so many artefacts; returns the number of those that differ.</summary>
    public static int Run(long count, int seed)
    {
        var random = new Random(seed);
        using var model = new TinyNetwork();
        using var folders = new TemporaryFolder();
        var watch = Stopwatch.StartNew();
        string whole = folders.File("whole");
        using (Process process = Start(model.Root, whole)) process.WaitForExit();
        TimeSpan time = watch.Elapsed;
        Dictionary<string, byte[]> expected = Files(whole);
        if (expected.Count == 0) throw new InvalidOperationException("The calibration has written nothing.");
        int kills = 0, artifacts = 0, different = 0;
        var progress = new Progress();
        while (kills < count || artifacts < count)
        {
            string folder = folders.File($"{artifacts++}");
            // Longer and longer, so that each comes to an end.
            for (double share = 1; ; share *= 1.1)
            {
                using Process process = Start(model.Root, folder);
                if (process.WaitForExit(time * (share * random.NextDouble()))) break;
                process.Kill();
                process.WaitForExit();
                kills++;
            }

            Dictionary<string, byte[]> left = Files(folder);
            if (left.Count != expected.Count || expected.Any(e => !left.TryGetValue(e.Key, out byte[]? bytes) || !bytes.AsSpan().SequenceEqual(e.Value)))
            {
                different++;
                Console.WriteLine($"kill: artefact {artifacts} differs; it leaves {string.Join(", ", left.Keys)}");
            }

            Directory.Delete(folder, recursive: true);
            progress.Report(Result);
        }

        Console.WriteLine(Result());
        return different;

        string Result() => FormattableString.Invariant($"kill: seed {seed}, {kills} processes killed, {artifacts} artefacts in {progress.Elapsed.TotalSeconds:F0} s, {different} of them different");
    }

    /// <summary>What the processes do.</summary>
    public static int Calibrate(string model, string folder)
    {
        using var device = new CpuDevice(1);
        Calibrator.Run(DiffusersImporter.Load(model), new() { Steps = 2, Trajectories = 64, WeightBits = 8, Activations = ActivationWidth.Eight, KeepingInterval = TimeSpan.Zero }, folder, device);
        return 0;
    }

    private static Process Start(string model, string folder) => Process.Start(ThisProgram.With([Child, model, folder], AppContext.BaseDirectory))!;

    private static Dictionary<string, byte[]> Files(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder).ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes) : [];
}
