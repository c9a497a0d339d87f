namespace Specializer.Mutations;

/// <summary>The score, file by file, and what survived.</summary>
internal static class Report
{
    private static readonly Outcome[] s_killed = [Outcome.Killed, Outcome.TimedOut, Outcome.Ended];

    public static void Write(List<Mutation> mutations, Dictionary<int, Outcome> outcomes)
    {
        foreach (Mutation mutation in mutations.OrderBy(m => m.File, StringComparer.Ordinal).ThenBy(m => m.Line))
        {
            if (outcomes.TryGetValue(mutation.Id, out Outcome outcome) && !s_killed.Contains(outcome))
                Console.WriteLine($"{mutation.File}:{mutation.Line}: {mutation.Kind}, {outcome} ({mutation.Id}): {mutation.Text.ReplaceLineEndings(" ")}");
        }

        Console.WriteLine("| file | mutations | killed | without end | ended | survived | not reached | score |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (IGrouping<string, Mutation> file in mutations.GroupBy(m => m.File).OrderBy(g => g.Key, StringComparer.Ordinal)) Line(file.Key, file);
        Line("all", mutations);

        void Line(string name, IEnumerable<Mutation> of)
        {
            List<Outcome> these = [.. of.Where(m => outcomes.ContainsKey(m.Id)).Select(m => outcomes[m.Id])];
            int[] counts = [.. ((Outcome[])[.. s_killed, Outcome.Survived, Outcome.NotReached]).Select(o => these.Count(t => t == o))];
            if (these.Count > 0) Console.WriteLine(FormattableString.Invariant($"| {name} | {these.Count} | {string.Join(" | ", counts)} | {100.0 * counts[..s_killed.Length].Sum() / these.Count:F1} % |"));
        }
    }
}
