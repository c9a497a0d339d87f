namespace Specializer.Calibration.Tests;

public class CanonicalSumTests
{
    [Theory]
    [InlineData(1, "0")]
    [InlineData(3, "((0 1) 2)")]
    [InlineData(7, "(((0 1) (2 3)) ((4 5) 6))")]
    [InlineData(8, "(((0 1) (2 3)) ((4 5) (6 7)))")]
    public void EverySplitGivesTheSameTree(int units, string expected)
    {
        Assert.Equal(expected, Range(0, units).Total);
        for (int first = 0; first <= units; first++)
        {
            for (int second = first; second <= units; second++)
            {
                CanonicalSum<string> sum = Range(0, first);
                sum.Merge(Range(first, second));
                sum.Merge(Range(second, units));
                Assert.Equal(expected, sum.Total);
            }
        }
    }

    [Fact]
    public void UnitsFollowOneAnother()
    {
        CanonicalSum<string> sum = Range(0, 5);
        Assert.Throws<ArgumentException>(() => sum.Add(6, "6"));
        Assert.Throws<ArgumentException>(() => sum.Merge(Range(4, 6)));
    }

    [Fact]
    public void OnlyTheNodesOfTheUnitsThatAreDoneAreRead()
    {
        using var stream = new MemoryStream();
        var writer = new BinaryWriter(stream);
        Range(0, 7).Write(writer, writer.Write);
        Assert.Equal(Range(0, 7).Total, Read(7).Total);
        Assert.Throws<InvalidDataException>(() => Read(6));
        Assert.Throws<InvalidDataException>(() => Read(8));
        foreach (var (count, level, index) in ((int, int, int)[])[(-1, 0, 0), (int.MaxValue, 0, 0), (1, 40, 0), (1, -1, 0), (1, 0, -1), (1, 0, 3)])
        {
            stream.SetLength(0);
            writer.Write(count);
            writer.Write(level);
            writer.Write(index);
            writer.Write("0");
            Assert.Throws<InvalidDataException>(() => Read(1));
        }

        CanonicalSum<string> Read(int units)
        {
            stream.Position = 0;
            var reader = new BinaryReader(stream);
            CanonicalSum<string> sum = Range(0, 0);
            sum.Read(reader, 0, units, _ => reader.ReadString());
            return sum;
        }
    }

    /// <summary>Moments that two runs collected are those of one, bit for bit.</summary>
    [Fact]
    public void MomentsOfSplitRunsAreThoseOfOne()
    {
        var random = new Gaussian(3);
        JointMoments[][] units = [.. Enumerable.Range(0, 5).Select(_ => Enumerable.Range(0, 16).Select(_ => JointMoments.Of(random.Values(30), random.Values(30), 3)).ToArray())];
        byte[] whole = State(Collect(0, 5));
        for (int split = 1; split < 5; split++)
        {
            ReplicatedMoments parts = Collect(0, split);
            parts.Merge(Collect(split, 5));
            Assert.Equal(whole, State(parts));
        }

        ReplicatedMoments Collect(int first, int end)
        {
            var moments = new ReplicatedMoments(3, 2, 80, 1);
            for (int unit = first; unit < end; unit++) moments.Add(16 * unit, units[unit]);
            return moments;
        }

        static byte[] State(ReplicatedMoments moments)
        {
            using var stream = new MemoryStream();
            moments.Write(new(stream));
            return stream.ToArray();
        }
    }

    private static CanonicalSum<string> Range(int first, int end)
    {
        var sum = new CanonicalSum<string>((left, right) => $"({left} {right})");
        for (int unit = first; unit < end; unit++) sum.Add(unit, $"{unit}");
        return sum;
    }
}
