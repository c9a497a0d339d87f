namespace Specializer.Mutations;

/// <summary>What became of a mutation.</summary>
internal enum Outcome
{
    /// <summary>It was made active, and nothing more is known: its process has ended.</summary>
    Begun,

    /// <summary>A test failed.</summary>
    Killed,

    /// <summary>A test took ten times as long and three seconds more, of processor time.</summary>
    TimedOut,

    /// <summary>The process ended by itself, as when a stack overflows.</summary>
    Ended,

    /// <summary>No test failed.</summary>
    Survived,

    /// <summary>No test comes by.</summary>
    NotReached,

    /// <summary>To be tried by another process.</summary>
    NotTried,
}

/// <summary>Outcomes in a file, a line each: what has been tried is not tried again.</summary>
internal sealed class Results(string path)
{
    private readonly Lock _lock = new();

    /// <summary>The outcome of each mutation that was begun.</summary>
    public Dictionary<int, Outcome> All()
    {
        var all = new Dictionary<int, Outcome>();
        if (!File.Exists(path)) return all;
        foreach (string[] line in File.ReadLines(path).Select(l => l.Split('\t'))) all[int.Parse(line[0])] = Enum.Parse<Outcome>(line[1]);
        return all;
    }

    /// <param name="mutation">Its number.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="by">The test.</param>
    public void Add(int mutation, Outcome outcome, string by = "")
    {
        lock (_lock) File.AppendAllText(path, $"{mutation}\t{outcome}\t{by}\n");
    }
}
