using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz;
using Trace = SharpFuzz.Common.Trace;

namespace Specializer.Fuzz;

/// <summary>Which branches an input took, and how often: what SharpFuzz has put into the assemblies under test counts them in a map of 64 KB.</summary>
internal sealed unsafe class Coverage
{
    private const int Branches = 1 << 16;
    private const string Marker = "SPECIALIZER_FUZZ_COVERAGE";

    // Readers and what they stand on; kernels have no branches that an input decides.
    private static readonly string[] s_assemblies = ["Specializer.Runtime.dll", "Specializer.Calibration.dll", "Specializer.Reporting.dll", "Specializer.Text.dll"];
    private static readonly string[] s_namespaces = ["Specializer.Formats.", "Specializer.Manifest.", "Specializer.Packing.", "Specializer.Calibration.", "Specializer.Reporting.", "Specializer.Text.", "Specializer.PackedWeights"];

    private readonly byte* _map = (byte*)NativeMemory.AlignedAlloc(Branches, 64);
    private readonly byte[] _seen = new byte[Branches];

    private Coverage()
    {
        Clear();
        Trace.SharedMem = _map;
    }

    /// <summary>The branches of this process; null where the assemblies are as the compiler left them.</summary>
    public static Coverage? Current { get; } = Environment.GetEnvironmentVariable(Marker) is null ? null : new();

    /// <summary>Branches that any input has taken.</summary>
    public int Taken => _seen.Count(b => b != 0);

    /// <summary>Forgets all inputs, for another target.</summary>
    public void Begin() => _seen.AsSpan().Clear();

    /// <summary>Forgets the last input.</summary>
    public void Clear()
    {
        new Span<byte>(_map, Branches).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Whether the last input took a branch that none before has taken, or one more often by a power of two.</summary>
    public bool IsNew()
    {
        bool any = false;
        var words = new ReadOnlySpan<ulong>(_map, Branches / sizeof(ulong));
        for (int word = 0, next; (next = words[word..].IndexOfAnyExcept(0ul)) >= 0; word++)
        {
            word += next;
            for (int i = word * sizeof(ulong); i < (word + 1) * sizeof(ulong); i++)
            {
                if (_map[i] == 0) continue;
                byte often = (byte)(1 << BitOperations.Log2(_map[i]));
                any |= (_seen[i] & often) == 0;
                _seen[i] |= often;
            }
        }

        return any;
    }

    /// <summary>Runs this program again on instrumented copies of its assemblies; returns its exit code.</summary>
    public static int RunAgain(string[] args)
    {
        string folder = Directory.CreateTempSubdirectory("specializer-fuzz-").FullName;
        try
        {
            foreach (string file in Directory.GetFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories))
            {
                string copy = Path.Combine(folder, Path.GetRelativePath(AppContext.BaseDirectory, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            foreach (string assembly in s_assemblies)
                SharpFuzz.Fuzzer.Instrument(Path.Combine(folder, assembly), type => s_namespaces.Any(n => type.StartsWith(n, StringComparison.Ordinal)), Options.Value);
            ProcessStartInfo start = ThisProgram.With(args, folder);
            start.Environment[Marker] = "1";
            using Process process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
