using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Specializer.Fuzz;

/// <summary>Mutates, reads and judges, in one process. Inputs that take branches not taken before are mutated further; where branches are not counted, those that bring an answer not heard before.</summary>
internal sealed partial class Fuzzer(FuzzTarget target, int seed, string findings)
{
    private const int MaximumPool = 4096, MaximumBytes = 1 << 20, MaximumAnswers = 1 << 16;
    private const long MaximumAllocation = 64 << 20;
    private static readonly TimeSpan s_maximumTime = TimeSpan.FromSeconds(1);

    private readonly Mutator _mutator = new(new(seed));
    private readonly List<byte[]> _pool = [];
    private readonly HashSet<string> _answers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _found = new(StringComparer.Ordinal);
    private readonly Progress _progress = new();
    private long _inputs;

    /// <summary>Reads the corpus, then mutations of it until the time is over or there were so many inputs.</summary>
    public FuzzResult Run(TimeSpan time, long count)
    {
        Coverage.Current?.Begin();
        string corpus = Path.Combine(AppContext.BaseDirectory, "corpus", target.Name);
        foreach (byte[] input in target.Seeds.Concat(Directory.Exists(corpus) ? Directory.GetFiles(corpus).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : []))
        {
            Judge(input);
            _pool.Add(input);
        }

        while (_inputs < count && _progress.Elapsed < time)
        {
            byte[] input = target.Mutate(_pool[_mutator.Random.Next(_pool.Count)], _mutator);
            if (input.Length > MaximumBytes) continue;
            if (Judge(input) && _pool.Count < MaximumPool) _pool.Add(input);
            _progress.Report(() => Result);
        }

        return Result;
    }

    private FuzzResult Result => new(target.Name, [seed], _inputs, _progress.Elapsed.TotalSeconds, _answers.Count, Coverage.Current?.Taken, _pool.Count, _found.Count);

    /// <summary>Whether the input is to be mutated further; a finding is written down and is not.</summary>
    private bool Judge(byte[] input)
    {
        _inputs++;
        Coverage.Current?.Clear();
        (string answer, string? fault) = Read(input);
        if (fault is null)
        {
            bool heard = _answers.Count == MaximumAnswers || !_answers.Add(Kind(answer));
            return Coverage.Current?.IsNew() ?? !heard;
        }

        if (!_found.Add(Kind(fault))) return false;
        byte[] smallest = Shrink(input, Kind(fault));
        Directory.CreateDirectory(findings);
        string path = Path.Combine(findings, $"{target.Name}-{Convert.ToHexStringLower(SHA256.HashData(smallest))[..12]}");
        File.WriteAllBytes(path, smallest);
        Console.WriteLine($"{target.Name}: {fault}{Environment.NewLine}  {smallest.Length} bytes in {path}");
        return false;
    }

    private (string Answer, string? Fault) Read(byte[] input)
    {
        TimeSpan time = TimeSpan.MaxValue;
        // A busy machine makes a reading slow, and one after the other; what the input takes is processor time, which is looked at where a reading was slow.
        for (int attempt = 0; attempt < 3 && time > s_maximumTime; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            TimeSpan used = attempt == 0 ? default : Environment.CpuUsage.TotalTime;
            var watch = Stopwatch.StartNew();
            try
            {
                string answer = target.Read(input);
                time = attempt == 0 ? watch.Elapsed : Environment.CpuUsage.TotalTime - used;
                if (GC.GetAllocatedBytesForCurrentThread() - before - input.Length > MaximumAllocation) return ("", "takes more than 64 MB of memory");
                if (time <= s_maximumTime) return (answer, null);
            }
            catch (Exception e)
            {
                return ("", $"{e.GetType().FullName}: {e.Message} {e.StackTrace?.Split('\n')[0].Trim()}");
            }
        }

        return ("", "takes more than a second");
    }

    /// <summary>Removes ever smaller pieces while the fault stays.</summary>
    private byte[] Shrink(byte[] input, string kind)
    {
        for (int piece = Math.Max(1, input.Length / 2); ; piece /= 2)
        {
            for (int start = 0; start < input.Length;)
            {
                byte[] smaller = [.. input[..start], .. input[Math.Min(start + piece, input.Length)..]];
                if (Read(smaller).Fault is { } fault && Kind(fault) == kind) input = smaller;
                else start += piece;
            }

            if (piece == 1) return input;
        }
    }

    /// <summary>A message without what the input brought into it.</summary>
    private static string Kind(string message) => Variable().Replace(message, "#");

    [GeneratedRegex("'[^']*'|\"[^\"]*\"|[0-9]+")]
    private static partial Regex Variable();
}
