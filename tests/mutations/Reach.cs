using System.Text.Json;

namespace Specializer.Mutations;

/// <summary>What each test comes by, kept in a file.</summary>
/// <param name="Tests">By name.</param>
internal sealed record Reach(Dictionary<string, Reach.Test> Tests)
{
    /// <param name="Mutations">That it comes by.</param>
    /// <param name="Once">Those of them that it came by the first time alone, as when static fields are given their values: a mutation made active later does nothing there.</param>
    /// <param name="Time">Processor time.</param>
    internal sealed record Test(int[] Mutations, int[] Once, TimeSpan Time);

    /// <summary>Reads the file, or runs all tests once and writes it. A test that fails without a mutation is left out, with a word.</summary>
    public static Reach Of(string path, MutatedAssembly mutated, IReadOnlyList<TestCase> tests)
    {
        if (File.Exists(path)) return JsonSerializer.Deserialize<Reach>(File.ReadAllText(path))!;
        var reach = new Reach([]);
        foreach (TestCase test in tests)
        {
            Exception? failure = null;
            HashSet<int> first = mutated.ReachedBy(() => failure = test.Run());
            TimeSpan before = Environment.CpuUsage.TotalTime;
            HashSet<int> again = mutated.ReachedBy(() => failure ??= test.Run());
            if (failure is null) reach.Tests.Add(test.Name, new([.. first.Union(again)], [.. first.Except(again)], Environment.CpuUsage.TotalTime - before));
            else Console.WriteLine($"{test.Name} fails without a mutation: {failure.Message.ReplaceLineEndings(" ")}");
        }

        File.WriteAllText(path, JsonSerializer.Serialize(reach));
        Console.WriteLine($"{reach.Tests.Count} tests take {reach.Tests.Values.Sum(t => t.Time.TotalSeconds):F0} s, the longest {string.Join(", ", reach.Tests.OrderByDescending(t => t.Value.Time).Take(5).Select(t => $"{t.Key} {t.Value.Time.TotalSeconds:F1}"))}");
        return reach;
    }
}
