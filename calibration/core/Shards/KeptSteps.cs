namespace Specializer.Calibration;

/// <summary>What each step of a phase alone changes, kept apart from the rest of its state: a record for each step of a unit, appended when the step is done and never written again. Two files take turns,
/// one with this unit's steps and one with those of the unit before, which stand for the steps that are still to come; so both together hold two states at most.</summary>
/// <param name="checkpoint">Where they lie.</param>
/// <param name="phase">Name of the phase's own file.</param>
/// <param name="steps">Of a unit.</param>
internal sealed class KeptSteps(Checkpoint checkpoint, string phase, int steps)
{
    private AppendedFile? _file;

    /// <summary>Reads each step's newest record, and forgets those that are newer than the state.</summary>
    /// <param name="done">Steps that the state is of, over all units.</param>
    /// <param name="read">Given a step, the unit whose record it is, from 0, and the record. Throws <see cref="InvalidDataException"/> where it is none.</param>
    /// <exception cref="InvalidDataException">A record is missing or none.</exception>
    public void Read(int done, Action<int, int, BinaryReader> read)
    {
        for (int unit = Math.Max(0, done / steps - 1); unit * steps < done; unit++)
        {
            int step = 0, count = Math.Min(steps, done - unit * steps), of = unit;
            _file = Open(unit);
            _file!.ReadAll((_, reader) =>
            {
                if (reader.ReadInt32() != of) throw new InvalidDataException($"it is not of unit {of}");
                // The next unit has others of its first steps.
                if ((of + 1) * steps + step >= done)
                {
                    read(step, of, reader);
                    if (reader.BaseStream.Position != reader.BaseStream.Length) throw new InvalidDataException("its length is not that of a step");
                }

                step++;
            }, count);
            if (step < count) throw new InvalidDataException($"only {step} of {count} steps of its unit {unit} are left");
        }
    }

    /// <summary>Keeps steps that follow those kept before.</summary>
    /// <param name="done">Steps kept before, over all units.</param>
    /// <param name="end">Steps that are kept afterwards.</param>
    /// <param name="write">Writes what a step has changed.</param>
    public void Add(int done, int end, Action<int, BinaryWriter> write)
    {
        if (done == end) return;
        for (; done < end; done++)
        {
            var (unit, step) = Math.DivRem(done, steps);
            // Over what the unit before the last has left.
            if (step == 0) _file = Open(unit);
            _file?.Append(writer =>
            {
                writer.Write(unit);
                write(step, writer);
            });
        }

        _file?.Sync();
    }

    /// <summary>Has the files removed at the end, whichever run has left them.</summary>
    public void Expect()
    {
        for (int turn = 0; turn < 2; turn++) checkpoint.Expect(FileOf(turn));
    }

    /// <summary>Removes the files.</summary>
    public void Delete()
    {
        for (int turn = 0; turn < 2; turn++) checkpoint.Delete(FileOf(turn));
    }

    private AppendedFile? Open(int unit) => checkpoint.Appended(FileOf(unit % 2));

    private string FileOf(int turn) => $"{phase}.steps-{turn}";
}
