namespace Specializer.Calibration;

/// <summary>A phase that collects unit after unit. Alone it goes on from its checkpoint; a shard collects its own units, and puts what all shards have collected together when the next
/// phase needs it.</summary>
/// <param name="name">Of its checkpoints.</param>
/// <param name="units">Units in all.</param>
/// <param name="context">Of the calibration.</param>
/// <param name="sharding">How the units are split; null where one process collects all.</param>
/// <param name="checkpoint">Its checkpoints.</param>
internal sealed class UnitPhase<T>(string name, int units, CalibrationContext context, Sharding? sharding, Checkpoint checkpoint)
    where T : class
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    /// <summary>Makes an empty state.</summary>
    public required Func<T> Create { get; init; }

    /// <summary>Whether what <see cref="Begin"/> does is kept before the first unit is done.</summary>
    public bool KeepBeginning { get; init; }

    /// <summary>Told how many units are done already; where beginnings are kept, −1 for a state that begins.</summary>
    public required Action<T, int> Begin { get; init; }

    /// <summary>Collects a unit.</summary>
    public required Action<T, int> Collect { get; init; }

    /// <summary>Writes the state.</summary>
    public required Action<T, BinaryWriter> Write { get; init; }

    /// <summary>Reads the state of the units from the first number up to the second into an empty one.</summary>
    public required Action<T, BinaryReader, int, int> Read { get; init; }

    /// <summary>Adds the state of the units that follow.</summary>
    public required Action<T, T> Merge { get; init; }

    /// <summary>The state of all units.</summary>
    /// <exception cref="ShardMissingException">The shards are to be merged, and one has not left its part.</exception>
    public T Run()
    {
        if (sharding is null) return Range(name, 0, units);
        if (sharding.Own is { } own) RunOwn(own);
        T? all = null;
        foreach (Shard shard in sharding.All)
        {
            T part = Part(shard, wait: sharding.Own is not null);
            if (all is null) all = part;
            else Merge(all, part);
        }

        return all!;
    }

    /// <summary>Collects a shard's own units, and leaves them for the others.</summary>
    public void RunOwn(Shard own)
    {
        if (Load(own) is not null) return;
        (int first, int end) = own.Units(units);
        string begun = $"{PartName(own)}.begun";
        T state = Range(begun, first, end);
        checkpoint.Save(PartName(own), end - first, writer => Write(state, writer));
        checkpoint.Delete(begun);
    }

    private string PartName(Shard shard) => $"{name}.{shard.Index}-of-{shard.Count}";

    private T Range(string file, int first, int end)
    {
        T state = Create();
        int beginning = KeepBeginning ? 1 : 0;
        int done = checkpoint.Load(file, beginning + end - first, (reader, count) =>
        {
            T read = Create();
            Read(read, reader, first, first + count - beginning);
            state = read;
        }) - beginning;
        Begin(state, done);
        if (done < 0)
        {
            done = 0;
            checkpoint.Save(file, beginning, writer => Write(state, writer));
        }

        for (int unit = first + done; unit < end; unit++)
        {
            Collect(state, unit);
            checkpoint.Save(file, beginning + unit + 1 - first, writer => Write(state, writer));
        }

        return state;
    }

    private T Part(Shard shard, bool wait)
    {
        while (true)
        {
            if ((!wait || File.Exists(checkpoint.FileOf(PartName(shard)))) && Load(shard) is { } part) return part;
            if (!wait) throw new ShardMissingException($"{checkpoint.FileOf(PartName(shard))} is missing or is of another calibration: shard {shard} has not ended. Run the command with --shard {shard} again; it goes on where it was.");
            context.Report($"waiting for shard {shard}", 0);
            if (context.Cancellation.WaitHandle.WaitOne(s_look)) context.Cancellation.ThrowIfCancellationRequested();
        }
    }

    private T? Load(Shard shard)
    {
        (int first, int end) = shard.Units(units);
        T? part = null;
        checkpoint.Load(PartName(shard), end - first, (reader, count) =>
        {
            if (count != end - first) throw new InvalidDataException($"it has {count} of {end - first} units");
            T read = Create();
            Read(read, reader, first, end);
            part = read;
        });
        return part;
    }
}
