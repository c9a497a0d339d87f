using System.Text.Json;

namespace Specializer.Fuzz;

/// <summary>What came of fuzzing a target, in one process or in several.</summary>
/// <param name="Target">Its name.</param>
/// <param name="Seeds">One a process.</param>
/// <param name="Inputs">Inputs read.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Answers">Kinds of answers.</param>
/// <param name="Branches">Branches that an input took; null where they were not counted.</param>
/// <param name="Kept">Inputs that were mutated further.</param>
/// <param name="Findings">Kinds of findings.</param>
internal sealed record FuzzResult(string Target, int[] Seeds, long Inputs, double Seconds, int Answers, int? Branches, int Kept, int Findings)
{
    /// <summary>As a process gives it to the one that started it: a line of JSON.</summary>
    public string ToLine() => JsonSerializer.Serialize(this);

    /// <summary>The result that a line is; null of any other line.</summary>
    public static FuzzResult? OfLine(string line) => line.StartsWith('{') ? JsonSerializer.Deserialize<FuzzResult>(line) : null;

    /// <summary>Of processes side by side: what each has read and found counts, of what they may have in common the most.</summary>
    public static FuzzResult Sum(IReadOnlyCollection<FuzzResult> results) => new(results.First().Target, [.. results.SelectMany(r => r.Seeds)], results.Sum(r => r.Inputs),
        results.Max(r => r.Seconds), results.Max(r => r.Answers), results.Max(r => r.Branches), results.Sum(r => r.Kept), results.Sum(r => r.Findings));

    public override string ToString() => FormattableString.Invariant(
        $"{Target}: seed {string.Join(" and ", Seeds)}, {Inputs} inputs in {Seconds:F0} s, {Inputs / Seconds:F0} a second, {Answers} kinds of answers, {(Branches is { } taken ? $"{taken} branches, " : "")}{Kept} inputs kept, {Findings} findings");
}
