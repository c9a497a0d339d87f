namespace Specializer.Benchmarks.Cluster;

/// <summary>A cluster and a job in numbers; times in seconds.</summary>
internal sealed record ClusterModel
{
    /// <summary>Silos.</summary>
    public int Silos { get; init; } = 1000;

    /// <summary>Pictures of the job, or units of a calibration's phase.</summary>
    public int Pictures { get; init; } = 1_000_000;

    /// <summary>Seconds a silo takes for a picture, writing it included.</summary>
    public double Picture { get; init; } = 0.1;

    /// <summary>Pictures that a silo draws at once: so many are lost with it.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>How long a unit should take.</summary>
    public double Unit { get; init; } = 10;

    /// <summary>From the end of a unit to the beginning of the next, where no other silo asks.</summary>
    public double Exchange { get; init; } = 0.01;

    /// <summary>Of this, what the job itself is busy for: silos that ask meanwhile wait.</summary>
    public double Service { get; init; } = 0.005;

    /// <summary>What each unit in hand adds to that: the job's state, which names them and the ranges between them, is written whole.</summary>
    public double ServicePerSilo { get; init; } = 1e-5;

    /// <summary>A silo that has nothing to do asks again after so long.</summary>
    public double Idle { get; init; } = 1;

    /// <summary>Mean time between a silo's losses; 0 for none.</summary>
    public double Lifetime { get; init; }

    /// <summary>Until a lost silo is known to be one.</summary>
    public double Detection { get; init; } = 8;

    /// <summary>Until another stands in its place.</summary>
    public double Restart { get; init; } = 60;

    /// <summary>Seed of what happens by chance.</summary>
    public int Seed { get; init; } = 1;
}

/// <summary>What became of a job.</summary>
/// <param name="Wall">Seconds until its last picture.</param>
/// <param name="Efficiency">Of the silos' time until then, the part that they drew pictures which counted.</param>
/// <param name="Units">Units that were finished.</param>
/// <param name="Lost">Silos that were lost.</param>
/// <param name="Rework">Pictures drawn twice, as a part of all.</param>
/// <param name="Busy">Part of the time that the job was busy with handing out.</param>
/// <param name="Wait">Mean seconds from the end of a unit to the beginning of the next.</param>
/// <param name="Tail">Seconds from the first question that found nothing to the end.</param>
internal sealed record ClusterOutcome(double Wall, double Efficiency, int Units, int Lost, double Rework, double Busy, double Wait, double Tail);
