using System.Globalization;

namespace Specializer.Calibration;

/// <summary>One of several processes that share a calibration's trajectories. Each takes a range of every phase's units, so that all together collect what one process does.</summary>
/// <param name="Index">Which one, 0 to <paramref name="Count"/> − 1.</param>
/// <param name="Count">How many there are, 1 to <see cref="Most"/>.</param>
public sealed record Shard(int Index, int Count)
{
    /// <summary>Most shards of a calibration.</summary>
    public const int Most = 1000;

    /// <summary>Where batch systems say which of several equal processes this is, and the least that they say.</summary>
    private static readonly (string Index, string? Least, string System)[] s_systems =
        [("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "Slurm"), ("JOB_COMPLETION_INDEX", null, "Kubernetes")];

    /// <summary>Reads <c>INDEX/COUNT</c>, or <c>COUNT</c> alone where a Slurm array or an indexed job of Kubernetes says which of them this process is.</summary>
    /// <param name="text">As a person wrote it.</param>
    /// <param name="environment">An environment variable; null where there is none.</param>
    /// <exception cref="FormatException">It is neither; the message says what is wrong.</exception>
    public static Shard Parse(string text, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(environment);
        string[] parts = text.Split('/');
        if (parts.Length > 2 || !Number(parts[^1], out int count) || count is < 1 or > Most) throw new FormatException($"'{text}' is no shard: INDEX/COUNT, like 0/3, with a count of 1 to {Most}.");
        int index;
        if (parts.Length == 2)
        {
            if (!Number(parts[0], out index)) throw new FormatException($"'{text}' is no shard: INDEX/COUNT, like 0/3.");
        }
        else
        {
            if (Array.Find(s_systems, s => !string.IsNullOrEmpty(environment(s.Index))) is not { Index: { } variable } system)
                throw new FormatException($"'{text}' says how many shards there are, and neither {string.Join(" nor ", s_systems.Select(s => s.Index))} says which one this is. Write INDEX/{count}.");
            string least = system.Least is { } name ? environment(name) ?? "0" : "0";
            if (!Number(environment(variable)!, out index) || !Number(least, out int first)) throw new FormatException($"{variable} is '{environment(variable)}', which is no number of a shard.");
            index -= first;
        }

        if (index < 0 || index >= count) throw new FormatException($"Shard {index} of {count} does not exist: they are 0 to {count - 1}.");
        return new(index, count);

        static bool Number(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Index}/{Count}";

    /// <summary>Its units of a phase, the last one excluded.</summary>
    internal UnitRange Units(int units) => new((int)((long)units * Index / Count), (int)((long)units * (Index + 1) / Count));

    /// <exception cref="ArgumentException">There is no such shard.</exception>
    internal void Validate()
    {
        if (Count is < 1 or > Most || Index < 0 || Index >= Count) throw new ArgumentException($"Shard {Index} of {Count} does not exist: a calibration has up to {Most}, of index 0 on.");
    }
}
