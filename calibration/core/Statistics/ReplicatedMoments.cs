namespace Specializer.Calibration;

/// <summary>Moments whose intervals are known without keeping a trajectory: beside the sums themselves run replicates, each of which counts every trajectory
/// as often as a Poisson(1) draw says.</summary>
/// <remarks>The Poisson bootstrap (Hanley and MacGibbon 2006): for many trajectories the same as drawing them with replacement. Draws are keyed by the
/// trajectory, so all steps and widths of a replicate count the same ones.</remarks>
/// <param name="channels">Channels of the output.</param>
/// <param name="variables">2 or 4.</param>
/// <param name="seed">Seed of the calibration.</param>
internal sealed class ReplicatedMoments(int channels, int variables, ulong seed)
{
    private const int Replicates = 200;

    private readonly Draws _draws = new(seed, DrawPurpose.Replicates);
    private readonly JointMoments[] _replicates = [.. Enumerable.Range(0, Replicates).Select(_ => new JointMoments(channels, variables))];

    /// <summary>The moments of all trajectories.</summary>
    public JointMoments All { get; private set; } = new(channels, variables);

    /// <summary>Adds a trajectory.</summary>
    /// <param name="trajectory">Index of its image.</param>
    /// <param name="moments">Its moments.</param>
    public void Add(long trajectory, JointMoments moments)
    {
        All.Merge(moments);
        for (int r = 0; r < Replicates; r++)
        {
            for (int count = Poisson(_draws.Bits((uint)trajectory, (uint)r)); count > 0; count--) _replicates[r].Merge(moments);
        }
    }

    /// <summary>A statistic with its 95 % interval; without spread where there are too few trajectories to tell.</summary>
    public Interval Interval(Func<JointMoments, double> statistic)
    {
        double value = statistic(All);
        double[] sorted = [.. _replicates.Where(r => r.Count > 0).Select(statistic).Order()];
        return sorted.Length == 0 ? new(value, value, value) : new(value, sorted[sorted.Length * 25 / 1000], sorted[(sorted.Length * 975 + 999) / 1000 - 1]);
    }

    /// <summary>Writes the state.</summary>
    public void Write(BinaryWriter writer)
    {
        All.Write(writer);
        foreach (JointMoments replicate in _replicates) replicate.Write(writer);
    }

    /// <summary>Reads a state that <see cref="Write"/> wrote.</summary>
    public void Read(BinaryReader reader)
    {
        All = JointMoments.Read(reader);
        for (int r = 0; r < Replicates; r++) _replicates[r] = JointMoments.Read(reader);
    }

    /// <summary>A Poisson(1) variable from 32 uniform bits.</summary>
    private static int Poisson(uint bits)
    {
        double uniform = bits / 4294967296.0, probability = 1 / Math.E;
        int count = 0;
        for (; uniform >= probability && probability > 0; probability /= ++count) uniform -= probability;
        return count;
    }
}
