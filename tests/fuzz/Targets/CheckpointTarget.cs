using Specializer.Calibration;
using Specializer.Reporting;

namespace Specializer.Fuzz;

/// <summary>Loads checkpoints that anything may have happened to: taken whole as they were written, or not at all. And states that somebody has given a right hash: of the kinds that
/// calibrations write, by the first byte.</summary>
internal sealed class CheckpointTarget : FuzzTarget
{
    private const int Units = 3, Value = 42, Size = 3;

    private readonly Checkpoint _checkpoint = new(null, "model", "options");

    public override string Name => "checkpoint";

    public override IEnumerable<byte[]> Seeds
    {
        get
        {
            yield return Written(writer => writer.Write(Value));
            var histogram = new ActivationHistogram();
            histogram.Add([-1, 1], "x");
            yield return State(0, histogram.Write);
            var moments = new InputMoments(Size, 4);
            moments.Add([1, -2, 3, 0.5f, 0, -1], 1);
            yield return State(1, moments.Write);
            var sample = new ResidualSample(16, 1, 1);
            sample.Add(0, 0, [1, 2, 3, 4], [1, 2, 3, 5], 2);
            yield return State(2, sample.Write);
            var sum = new CanonicalSum<JointMoments>(JointMoments.Sum);
            for (int unit = 0; unit < Units; unit++) sum.Add(unit, JointMoments.Of([1, 2], [1, 3], 1));
            yield return State(3, writer => sum.Write(writer, m => m.Write(writer)));
            var spread = new ChannelSpread(2);
            spread.Add([1, -2, 3, 0.5f]);
            yield return State(4, spread.Write);
            yield return State(5, Row().Write);
        }
    }

    public override string Read(byte[] input)
    {
        if (input is [< 6 and var kind, ..]) return Read(kind, input);
        int value = 0, units = Load(input, reader => value = reader.ReadInt32());
        return (units, value) switch
        {
            (Units, Value) => "accepted",
            (0, 0) => "starts anew",
            _ => throw new InvalidOperationException($"A damaged checkpoint was taken: {units} units, value {value}."),
        };
    }

    private string Read(byte kind, byte[] input)
    {
        return Load(Written(writer => writer.Write(input.AsSpan(1))), reader =>
        {
            if (kind == 0) ActivationHistogram.Read(reader, 2);
            else if (kind == 1) InputMoments.Read(reader, Size, 2);
            else if (kind == 2) new ResidualSample(16, 1, 1).Read(reader, 2);
            else if (kind == 3) new CanonicalSum<JointMoments>(JointMoments.Sum).Read(reader, 0, Units, units => JointMoments.Read(reader, 1, 2, 2 * (units.End - units.First)));
            else if (kind == 4) ChannelSpread.Read(reader, 2, 2);
            else NewRow().Read(reader, 1, 2, 1);
        }) switch
        {
            Units => $"{kind} accepted",
            0 => $"{kind} starts anew",
            int units => throw new InvalidOperationException($"{units} units were not written."),
        };
    }

    // Of an evaluation: two of three images, in one batch.
    private static RowMeasurement NewRow() => new(images: 3, channels: 1, elements: 4, steps: 1, new(2, 2, 1));

    private static RowMeasurement Row()
    {
        RowMeasurement row = NewRow();
        row.AddState(0, [1, 2], [1, 3]);
        row.AddImages(0, [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 5, 5, 6, 7, 9]);
        row.AddTime(4, 2);
        row.AddDigits([1, 2], [1, 3], [1, 2]);
        return row;
    }

    private static byte[] State(byte kind, Action<BinaryWriter> write)
    {
        using var state = new MemoryStream();
        state.WriteByte(kind);
        write(new(state));
        return state.ToArray();
    }

    private byte[] Written(Action<BinaryWriter> state)
    {
        using var checkpoint = new MemoryStream();
        _checkpoint.Write(checkpoint, Units, state);
        return checkpoint.ToArray();
    }

    private int Load(byte[] checkpoint, Action<BinaryReader> state) => _checkpoint.Read(new MemoryStream(checkpoint), "phase", Units, (reader, _) => state(reader));
}
