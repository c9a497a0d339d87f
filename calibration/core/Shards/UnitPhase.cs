using System.Diagnostics;

namespace Specializer.Calibration;

/// <summary>A phase that collects unit after unit. Alone it goes on from its checkpoint; where several processes share it, each collects ranges of units, and puts together what all have
/// collected when the next phase needs it.</summary>
/// <param name="name">Of its checkpoints.</param>
/// <param name="units">Units in all.</param>
/// <param name="context">Of the calibration.</param>
/// <param name="ranges">What this process collects; null for all units.</param>
/// <param name="checkpoint">Its checkpoints.</param>
internal sealed class UnitPhase<T>(string name, int units, CalibrationContext context, UnitRanges? ranges, Checkpoint checkpoint)
    where T : class
{
    /// <summary>Makes an empty state.</summary>
    public required Func<T> Create { get; init; }

    // Of the time: a state that takes long to keep is kept the less often.
    private const double MostKeeping = 0.05;

    /// <summary>Steps of a unit. Between them the state is kept, too, where they take long.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>Told how many units are done already, the last of them perhaps in part.</summary>
    public required Action<T, double> Begin { get; init; }

    /// <summary>Collects a unit, from a step on. Tells after each step how many are in the state, so that it can be kept.</summary>
    public required Action<T, int, int, Action<int>> Collect { get; init; }

    /// <summary>First steps of all, which alone change what <see cref="WriteFirst"/> writes.</summary>
    public int FirstSteps { get; init; }

    /// <summary>Writes what nothing changes after <see cref="FirstSteps"/>: with the state until then, and afterwards once, into a file of its own. Null where there is no such thing.</summary>
    public Action<T, BinaryWriter>? WriteFirst { get; init; }

    /// <summary>Reads the same into an empty state, before the rest, of so many of the <see cref="FirstSteps"/>.</summary>
    public Action<T, BinaryReader, int>? ReadFirst { get; init; }

    /// <summary>Writes the state, but for what <see cref="WriteFirst"/> and <see cref="WriteStep"/> write: what any step may change.</summary>
    public required Action<T, BinaryWriter> Write { get; init; }

    /// <summary>Reads the same of a range of units, and of so many steps of the one that follows, into an empty one.</summary>
    public required Action<T, BinaryReader, UnitRange, int> Read { get; init; }

    /// <summary>Writes what no other step of a unit changes, where that is much: it is kept step by step, and not with the rest (<see cref="KeptSteps"/>). Null where there is no such thing.</summary>
    public Action<T, int, BinaryWriter>? WriteStep { get; init; }

    /// <summary>Reads the same of a range of units into a state that <see cref="Read"/> has read, each step once.</summary>
    public Action<T, int, BinaryReader, UnitRange>? ReadStep { get; init; }

    /// <summary>Adds the state of the units that follow.</summary>
    public required Action<T, T> Merge { get; init; }

    /// <summary>The state of all units.</summary>
    /// <exception cref="ShardMissingException">A range is missing, and nobody is waited for; or it is of another calibration.</exception>
    public T Run()
    {
        if (ranges is null) return Range(name, new(0, units));
        RunOwn();
        context.Report("waiting for others", 0);
        T? all = null;
        foreach (UnitRange range in ranges.All(Shared, units, range => checkpoint.FileOf(PartName(range)), context.Cancellation))
        {
            T part = Load(range) ?? throw new ShardMissingException($"{checkpoint.FileOf(PartName(range))} is damaged, or is of another model, other options or another build of the tools. Delete it, and run what made it again.");
            if (all is null) all = part;
            else Merge(all, part);
        }

        return all!;
    }

    /// <summary>Collects what this process should, and leaves it for the others.</summary>
    public void RunOwn()
    {
        while (ranges!.Next(Shared, units, context.Cancellation) is { } range)
        {
            if (Load(range) is null)
            {
                string begun = $"{PartName(range)}.begun";
                T state = Range(begun, range);
                checkpoint.Save(PartName(range), range.End - range.First, writer => WriteWhole(state, writer));
                checkpoint.Delete(begun);
                if (WriteFirst is not null) checkpoint.Delete(FirstOf(begun));
                StepsOf(begun)?.Delete();
            }

            ranges.Finish(Shared, range);
        }
    }

    /// <summary>What other processes know it by.</summary>
    private string Shared => checkpoint.Qualify(name);

    private string PartName(UnitRange range) => $"{name}.{range.First}-{range.End}";

    private static string FirstOf(string file) => $"{file}.first";

    private KeptSteps? StepsOf(string file) => WriteStep is null ? null : new(checkpoint, file, Steps);

    private void WriteWhole(T state, BinaryWriter writer)
    {
        WriteFirst?.Invoke(state, writer);
        Write(state, writer);
        for (int step = 0; WriteStep is not null && step < Steps; step++) WriteStep(state, step, writer);
    }

    private T Range(string file, UnitRange range)
    {
        T? left = null;
        KeptSteps? keptSteps = StepsOf(file);
        keptSteps?.Expect();
        if (WriteFirst is not null) checkpoint.Expect(FirstOf(file));
        int loaded = checkpoint.Load(file, Position(range.End), (reader, position) =>
        {
            var (done, steps) = Math.DivRem(position, Steps);
            left = Create();
            if (!HasFirst(position)) ReadFirst?.Invoke(left, reader, position);
            else if (checkpoint.Load(FirstOf(file), 1, (first, _) => ReadFirst!(left, first, FirstSteps)) == 0) throw new InvalidDataException($"{checkpoint.FileOf(FirstOf(file))} is missing");
            Read(left, reader, new(range.First, range.First + done), steps);
            keptSteps?.Read(position, (step, unit, record) => ReadStep!(left, step, record, new(range.First, range.First + unit + 1)));
        });
        // What was read may have been set aside all the same.
        T state = loaded == 0 || left is null ? Create() : left;
        bool firstKept = loaded > 0 && HasFirst(loaded);
        int from = loaded, saved = loaded;
        Begin(state, (double)from / Steps);
        long kept = Stopwatch.GetTimestamp();
        TimeSpan taken = TimeSpan.Zero;
        for (int unit = range.First + from / Steps; unit < range.End; unit++, from = 0)
        {
            Collect(state, unit, from % Steps, steps =>
            {
                if (steps == Steps || Due()) Keep(Position(unit) + steps);
            });
        }

        return state;

        int Position(int unit) => (unit - range.First) * Steps;

        bool HasFirst(int position) => WriteFirst is not null && position >= FirstSteps;

        bool Due() => context.Options.KeepingInterval is var least && (least == TimeSpan.Zero || (Stopwatch.GetElapsedTime(kept) is var since && since >= least && since * MostKeeping >= taken));

        void Keep(int position)
        {
            long start = Stopwatch.GetTimestamp();
            Save(position);
            (kept, taken) = (Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(start));
        }

        // The state last: what it says is done must be there.
        void Save(int position)
        {
            keptSteps?.Add(saved, position, (step, writer) => WriteStep!(state, step, writer));
            saved = position;
            bool apart = HasFirst(position);
            if (apart && !firstKept) checkpoint.Save(FirstOf(file), 1, writer => WriteFirst!(state, writer));
            firstKept = apart;
            checkpoint.Save(file, position, writer =>
            {
                if (!apart) WriteFirst?.Invoke(state, writer);
                Write(state, writer);
            });
        }
    }

    private T? Load(UnitRange range)
    {
        T? part = null;
        int loaded = checkpoint.Load(PartName(range), range.End - range.First, (reader, count) =>
        {
            if (count != range.End - range.First) throw new InvalidDataException($"it has {count} of {range.End - range.First} units");
            part = Create();
            ReadFirst?.Invoke(part, reader, FirstSteps);
            Read(part, reader, range, 0);
            for (int step = 0; ReadStep is not null && step < Steps; step++) ReadStep(part, step, reader, range);
        });
        return loaded == 0 ? null : part;
    }
}
