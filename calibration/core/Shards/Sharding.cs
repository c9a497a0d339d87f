namespace Specializer.Calibration;

/// <summary>Whether a calibration is split, and what this process does of it: one shard, or (<paramref name="Own"/> is null) the rest, from the parts that all shards have left.</summary>
/// <param name="Count">Number of shards.</param>
/// <param name="Own">This process's.</param>
internal sealed record Sharding(int Count, Shard? Own)
{
    /// <summary>All shards in order.</summary>
    public IEnumerable<Shard> All => Enumerable.Range(0, Count).Select(i => new Shard(i, Count));
}
