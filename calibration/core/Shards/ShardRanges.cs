namespace Specializer.Calibration;

/// <summary>A fixed number of shards, of which each has one range of every phase.</summary>
/// <param name="count">How many there are.</param>
/// <param name="own">This process's; null for the one that merges what the others have left.</param>
internal sealed class ShardRanges(int count, Shard? own) : UnitRanges
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> _taken = [];

    public override bool Decides => own is null;

    protected internal override string? LockName => own is null ? null : $"{own.Index}-of-{own.Count}";

    protected internal override UnitRange? Next(string phase, int units, CancellationToken cancellationToken) =>
        own?.Units(units) is { } range && range.First < range.End && _taken.Add(phase) ? range : null;

    protected internal override IReadOnlyList<UnitRange> All(string phase, int units, Func<UnitRange, string> file, CancellationToken cancellationToken)
    {
        var ranges = new List<UnitRange>();
        foreach (Shard shard in Enumerable.Range(0, count).Select(i => new Shard(i, count)))
        {
            UnitRange range = shard.Units(units);
            if (range.First == range.End) continue;
            while (!File.Exists(file(range)))
            {
                if (own is null) throw new ShardMissingException($"{file(range)} is missing: shard {shard} has not ended. Run the command with --shard {shard} again; it goes on where it was.");
                if (cancellationToken.WaitHandle.WaitOne(s_look)) cancellationToken.ThrowIfCancellationRequested();
            }

            ranges.Add(range);
        }

        return ranges;
    }
}
