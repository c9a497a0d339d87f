namespace Specializer.Cluster;

/// <summary>What a silo runs, and how it works.</summary>
public sealed class SpecializerSiloOptions
{
    /// <summary>Samplers that the silo can run, each loaded on the silo's device: <c>MnistSampler.Load</c>.</summary>
    public IList<Func<Device, Sampler>> Samplers { get; } = [];

    /// <summary>Makes the silo's device; null for the CPU.</summary>
    public Func<Device>? Device { get; set; }

    /// <summary>CPU threads where <see cref="Device"/> is null; 0 for one for each processor.</summary>
    public int Threads { get; set; }

    /// <summary>Where jobs put their pictures.</summary>
    public IPictureStore Store { get; set; } = new FolderPictureStore("pictures");

    /// <summary>How long a unit of a job should take, 1 second to 10 minutes: a silo that is lost costs at most one, and each costs a few milliseconds of coordination.</summary>
    public TimeSpan UnitTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a silo may be silent until its unit is handed out again, 2 seconds to 10 minutes.</summary>
    public TimeSpan LeaseTime { get; set; } = TimeSpan.FromSeconds(20);

    internal void Check()
    {
        ArgumentNullException.ThrowIfNull(Store);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        Between(UnitTime, TimeSpan.FromSeconds(1), nameof(UnitTime));
        Between(LeaseTime, TimeSpan.FromSeconds(2), nameof(LeaseTime));

        static void Between(TimeSpan value, TimeSpan least, string name)
        {
            if (value < least || value > TimeSpan.FromMinutes(10)) throw new ArgumentOutOfRangeException(name, $"{value.TotalSeconds} s must lie between {least.TotalSeconds} s and 10 minutes.");
        }
    }
}
