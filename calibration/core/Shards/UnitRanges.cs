namespace Specializer.Calibration;

/// <summary>Units of a phase that follow each other.</summary>
/// <param name="First">The first.</param>
/// <param name="End">The one after the last.</param>
public readonly record struct UnitRange(int First, int End);

/// <summary>Says which units of a calibration's phases this process collects, where several share them. What each collects lies in a folder that all see.</summary>
public abstract class UnitRanges
{
    /// <summary>One of several shards.</summary>
    /// <param name="shard">Which.</param>
    /// <exception cref="ArgumentException">There is no such shard.</exception>
    public static UnitRanges Of(Shard shard)
    {
        ArgumentNullException.ThrowIfNull(shard);
        shard.Validate();
        return new ShardRanges(shard.Count, shard);
    }

    /// <summary>The process that decides from what all shards have left.</summary>
    /// <param name="shards">How many there are.</param>
    /// <exception cref="ArgumentException">There are not so many.</exception>
    public static UnitRanges Merge(int shards)
    {
        new Shard(0, shards).Validate();
        return new ShardRanges(shards, null);
    }

    /// <summary>Whether this process decides and writes the artefact when all is collected.</summary>
    public abstract bool Decides { get; }

    /// <summary>Tells this process from the others of its folder; null for the one that writes the artefact.</summary>
    protected internal abstract string? LockName { get; }

    /// <summary>Told what is calibrated, before anything else.</summary>
    /// <param name="identity">Differs for another model, other options and another build.</param>
    protected internal virtual void Begin(string identity)
    {
    }

    /// <summary>The next range for this process; null when there is none for it any more.</summary>
    /// <param name="phase">Name of the phase.</param>
    /// <param name="units">Units of the phase.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    protected internal abstract UnitRange? Next(string phase, int units, CancellationToken cancellationToken);

    /// <summary>Told that a range lies in the folder.</summary>
    /// <param name="phase">Name of the phase.</param>
    /// <param name="range">The range.</param>
    protected internal virtual void Finish(string phase, UnitRange range)
    {
    }

    /// <summary>All ranges of a phase in order, once they lie in the folder.</summary>
    /// <param name="phase">Name of the phase.</param>
    /// <param name="units">Units of the phase.</param>
    /// <param name="file">Where a range lies in the folder.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ShardMissingException">A range is missing, and nobody is waited for.</exception>
    protected internal abstract IReadOnlyList<UnitRange> All(string phase, int units, Func<UnitRange, string> file, CancellationToken cancellationToken);
}
