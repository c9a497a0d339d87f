namespace Specializer.Cluster;

/// <summary>A calibration whose units several workers share, by leases: a worker that is lost loses its range, which another collects. What is collected lies in a folder of theirs.</summary>
public sealed class CalibrationJob
{
    private readonly ICalibrationJobGrain _grain;

    internal CalibrationJob(ICalibrationJobGrain grain) => _grain = grain;

    /// <summary>Joins.</summary>
    /// <param name="decides">Whether this process writes the artefact at the end: then a job that has ended begins anew.</param>
    /// <returns>Whether there is work; false where the artefact is written already.</returns>
    public Task<bool> JoinAsync(bool decides) => _grain.Join(decides);

    /// <summary>Asks for a range of units.</summary>
    /// <param name="phase">Name of the phase, up to 64 characters.</param>
    /// <param name="units">Units of the phase, 1 to 2²⁰.</param>
    /// <param name="worker">Who asks; it gets again what it has already.</param>
    /// <returns>The range and its lease; an empty range while others do what is left; null when the phase is done.</returns>
    /// <exception cref="ArgumentException">Units or names are out of bounds.</exception>
    public async Task<(Guid Lease, int First, int End)?> NextAsync(string phase, int units, string worker) =>
        await _grain.Next(phase, units, worker) is { } lease ? (lease.Id, lease.Unit.First, lease.Unit.End) : null;

    /// <summary>Keeps a range, several times in a lease's time.</summary>
    /// <param name="phase">Name of the phase.</param>
    /// <param name="lease">The lease.</param>
    public Task<bool> RenewAsync(string phase, Guid lease) => _grain.Renew(phase, lease);

    /// <summary>Says that what was collected lies in the folder.</summary>
    /// <param name="phase">Name of the phase.</param>
    /// <param name="lease">The lease.</param>
    public Task FinishAsync(string phase, Guid lease) => _grain.Finish(phase, lease);

    /// <summary>The ranges of a phase that are finished, in order.</summary>
    /// <param name="phase">Name of the phase.</param>
    public async Task<IReadOnlyList<(int First, int End)>> FinishedAsync(string phase) => [.. (await _grain.Finished(phase)).Select(r => (r.First, r.End))];

    /// <summary>Says that the artefact is written.</summary>
    public Task EndAsync() => _grain.End();
}
