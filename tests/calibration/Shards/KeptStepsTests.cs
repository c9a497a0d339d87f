using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>What steps alone change is written once for each unit, and comes back wherever a calibration was stopped.</summary>
public sealed class KeptStepsTests : IDisposable
{
    private const int Steps = 3, Units = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The state lags behind: what was appended after it is done again.</summary>
    [Fact]
    public void Each_step_has_its_newest_record_wherever_it_stops()
    {
        for (int done = 0; done <= Steps * Units; done++)
        {
            foreach (int ahead in (int[])[0, 1, 2])
            {
                int end = Math.Min(done + ahead, (done / Steps + 1) * Steps);
                Add(Open(), 0, end);
                KeptSteps again = Open();
                Assert.Equal(Newest(done), Read(again, done));
                Add(again, done, Steps * Units);
                Assert.Equal(Newest(Steps * Units), Read(Open(), Steps * Units));
            }
        }
    }

    /// <summary>A file grows until its turn is over, and both together hold two units, however many there are.</summary>
    [Fact]
    public void No_record_is_written_twice_and_two_units_are_all_that_is_held()
    {
        KeptSteps kept = Open();
        byte[][] before = [[], []];
        long unit = 0;
        for (int done = 0; done < Steps * Units; done++)
        {
            Add(kept, done, done + 1);
            int turn = done / Steps % 2;
            byte[] now = File.ReadAllBytes(PathOf(turn));
            if (done % Steps > 0) Assert.Equal(before[turn], now[..before[turn].Length]);
            Assert.Equal(before[1 - turn], done < Steps ? [] : File.ReadAllBytes(PathOf(1 - turn)));
            before[turn] = now;
            if (done == Steps - 1) unit = now.Length;
            if (done >= Steps) Assert.InRange(before.Sum(b => b.Length), unit + 1, 2 * unit);
        }
    }

    /// <summary>With a right hash, too: the phase starts anew with a word.</summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("lost", "only 2 of 3 steps of its unit 1 are left")]
    [InlineData("gone", "only 0 of 3 steps of its unit 1 are left")]
    [InlineData("other unit", "it is not of unit 1")]
    [InlineData("too long", "its length is not that of a step")]
    [InlineData("none", "no such step")]
    public void A_step_that_is_none_starts_the_phase_anew_with_a_word(string damage, string reason)
    {
        Assert.Equal([2, 2, 2], Phase(2, []));
        byte[] whole = File.ReadAllBytes(PathOf(1));
        if (damage == "lost") File.WriteAllBytes(PathOf(1), whole[..^1]);
        if (damage == "gone") File.Delete(PathOf(1));
        if (damage is "other unit" or "too long" or "none")
        {
            var file = new AppendedFile(PathOf(1), whole[..(4 + 32)], Assert.Fail);
            for (int step = 0; step < Steps; step++)
            {
                file.Append(writer =>
                {
                    writer.Write(damage == "other unit" ? 3 : 1);
                    writer.Write(damage == "none" ? -1 : 2);
                    if (damage == "too long") writer.Write(0);
                });
            }
        }

        var findings = new List<Finding>();
        Assert.Equal([3, 3, 3], Phase(3, findings));
        string[] reasons = [.. findings.Cast<CheckpointSetAside>().Select(f => f.Reason)];
        if (reason.Length == 0) Assert.Empty(reasons);
        else Assert.Contains(reasons, r => r.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_is_left_of_a_calibration_that_is_finished()
    {
        Phase(2, []);
        Assert.Equal(2, Directory.GetFiles(_folder.Root, "*.steps-*").Length);
        var checkpoint = new Checkpoint(_folder.Root, "model", "options");
        Phase(2, checkpoint);
        Assert.Empty(checkpoint.Delete());
        Assert.Empty(Directory.GetFiles(_folder.Root));
    }

    private int[] Phase(int units, List<Finding> findings) => Phase(units, new Checkpoint(_folder.Root, "model", "options", findings));

    /// <summary>Counts the units that each step has seen.</summary>
    private static int[] Phase(int units, Checkpoint checkpoint) => new UnitPhase<int[]>("noise", units, null!, null, checkpoint)
    {
        Create = () => new int[Steps],
        Steps = Steps,
        Begin = (_, _) => { },
        Collect = (state, _, _, keep) =>
        {
            for (int step = 0; step < Steps; step++) state[step]++;
            keep(Steps);
        },
        Write = (_, _) => { },
        WriteStep = (state, step, writer) => writer.Write(state[step]),
        Read = (_, _, _, _) => { },
        ReadStep = (state, step, reader, range) => state[step] = reader.ReadInt32() is var seen && seen == range.End - range.First ? seen : throw new InvalidDataException("no such step"),
        Merge = (_, _) => { },
    }.Run();

    private KeptSteps Open() => new(new Checkpoint(_folder.Root, "model", "options"), "noise", Steps);

    private string PathOf(int turn) => _folder.File($"model.noise.steps-{turn}.checkpoint");

    /// <summary>A record names its place among all.</summary>
    private static void Add(KeptSteps kept, int done, int end)
    {
        // No call of a phase goes on over a unit's end.
        for (int next; done < end; done = next)
        {
            next = Math.Min(end, (done / Steps + 1) * Steps);
            int first = done;
            kept.Add(first, next, (step, writer) => writer.Write(first / Steps * Steps + step));
        }
    }

    private static List<(int Step, int Place)> Read(KeptSteps kept, int done)
    {
        var read = new List<(int, int)>();
        kept.Read(done, (step, unit, reader) =>
        {
            int place = reader.ReadInt32();
            Assert.Equal(unit, place / Steps);
            read.Add((step, place));
        });
        return [.. read.Order()];
    }

    private static List<(int Step, int Place)> Newest(int done) =>
        [.. Enumerable.Range(0, Steps).Where(step => step < done).Select(step => (step, (done - 1 - step) / Steps * Steps + step)).Order()];
}
