using System.Numerics;

namespace Specializer.Calibration;

/// <summary>Moments whose intervals are known without keeping a trajectory: beside the sums themselves run replicates, each of which counts every trajectory
/// as often as a Poisson(1) draw says. Sums run over the images of a unit in order and over units as <see cref="CanonicalSum{T}"/> says.</summary>
/// <remarks>The Poisson bootstrap (Hanley and MacGibbon 2006): for many trajectories the same as drawing them with replacement. Draws are keyed by the
/// trajectory, so all steps and widths of a replicate count the same ones.</remarks>
/// <param name="channels">Channels of the output.</param>
/// <param name="variables">2 or 4.</param>
/// <param name="trajectories">Trajectories that will be counted.</param>
/// <param name="seed">Seed of the calibration.</param>
internal sealed class ReplicatedMoments(int channels, int variables, long trajectories, ulong seed)
{
    private const int Replicates = 200;

    private readonly Draws _draws = new(seed, DrawPurpose.Replicates);
    // All trajectories first, then the replicates.
    private readonly CanonicalSum<JointMoments[]> _sums = new((left, right) => [.. left.Zip(right, JointMoments.Sum)]);
    private JointMoments[]? _total;

    /// <summary>Bytes that they take at most: a sum for each binary digit of the units, and one that is being made.</summary>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="variables">2 or 4.</param>
    /// <param name="units">Units that are added one after the other, at least one.</param>
    public static long Bytes(int channels, int variables, int units) => (BitOperations.Log2((uint)units) + 2) * (1L + Replicates) * (sizeof(long) + JointMoments.Bytes(channels, variables));

    /// <summary>The moments of all trajectories.</summary>
    public JointMoments All => Total[0];

    private JointMoments[] Total => _total ??= _sums.Total ?? Empty();

    /// <summary>Adds a unit.</summary>
    /// <param name="firstImage">Index of its first image, a multiple of <see cref="ReferenceTrajectories.UnitImages"/>.</param>
    /// <param name="images">Moments of each image.</param>
    public void Add(long firstImage, IReadOnlyList<JointMoments> images)
    {
        JointMoments[] unit = Empty();
        for (int i = 0; i < images.Count; i++)
        {
            unit[0].Merge(images[i]);
            for (int r = 0; r < Replicates; r++)
            {
                for (int count = Times(firstImage + i, r); count > 0; count--) unit[1 + r].Merge(images[i]);
            }
        }

        _sums.Add(checked((int)(firstImage / ReferenceTrajectories.UnitImages)), unit);
        _total = null;
    }

    /// <summary>Adds the units that follow, as another run collected them.</summary>
    public void Merge(ReplicatedMoments following)
    {
        _sums.Merge(following._sums);
        _total = null;
    }

    /// <summary>A statistic with its 95 % interval; unbounded for fewer trajectories than <see cref="Bootstrap.Fewest"/>.</summary>
    public Interval Interval(Func<JointMoments, double> statistic)
    {
        double value = statistic(All);
        if (trajectories < Bootstrap.Fewest) return Calibration.Interval.Unknown(value);
        double[] sorted = [.. Total.Skip(1).Where(r => r.Count > 0).Select(statistic).Order()];
        return new(value, sorted[sorted.Length * 25 / 1000], sorted[(sorted.Length * 975 + 999) / 1000 - 1]);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer) => _sums.Write(writer, unit => Array.ForEach(unit, m => m.Write(writer)));

    /// <summary>Reads a state that <see cref="Write"/> wrote, into empty moments.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="first">First unit that it is of.</param>
    /// <param name="end">Unit after the last.</param>
    /// <param name="pixels">Of an image.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void Read(BinaryReader reader, int first, int end, int pixels)
    {
        _sums.Read(reader, first, end, units => Array.ConvertAll(Counts(units), images => JointMoments.Read(reader, channels, variables, images * pixels)));
        _total = null;
    }

    /// <summary>How many images of some units each sum counts.</summary>
    private long[] Counts(UnitRange units)
    {
        var counts = new long[1 + Replicates];
        long end = Math.Min((long)units.End * ReferenceTrajectories.UnitImages, trajectories);
        for (long image = (long)units.First * ReferenceTrajectories.UnitImages; image < end; image++)
        {
            counts[0]++;
            for (int r = 0; r < Replicates; r++) counts[1 + r] += Times(image, r);
        }

        return counts;
    }

    /// <summary>How often a replicate counts an image.</summary>
    private int Times(long image, int replicate) => Poisson(_draws.Bits((uint)image, (uint)replicate));

    private JointMoments[] Empty() => [.. Enumerable.Range(0, 1 + Replicates).Select(_ => new JointMoments(channels, variables))];

    /// <summary>A Poisson(1) variable from 32 uniform bits.</summary>
    private static int Poisson(uint bits)
    {
        double uniform = bits / 4294967296.0, probability = 1 / Math.E;
        int count = 0;
        for (; uniform >= probability && probability > 0; probability /= ++count) uniform -= probability;
        return count;
    }
}
