namespace Specializer.Cluster;

/// <summary>Hands the units of a calibration's phases out to workers; its key says which calibration. What they collect lies in their folder: this grain knows only who does what.</summary>
internal interface ICalibrationJobGrain : IGrainWithStringKey
{
    /// <summary>A process joins.</summary>
    /// <param name="decides">Whether it writes the artefact at the end: then a job that has ended begins anew.</param>
    /// <returns>Whether there is work.</returns>
    Task<bool> Join(bool decides);

    /// <summary>A worker asks for a range of units.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="units">Units of the phase.</param>
    /// <param name="worker">Who asks; it gets again what it has already.</param>
    /// <returns>The range, which is empty while others do what is left; null when the phase is done.</returns>
    Task<UnitLease?> Next(string phase, int units, string worker);

    /// <summary>A worker goes on with its range.</summary>
    /// <returns>Whether it should.</returns>
    Task<bool> Renew(string phase, Guid lease);

    /// <summary>A worker has left what it collected in the folder.</summary>
    Task Finish(string phase, Guid lease);

    /// <summary>The ranges that are finished, in order.</summary>
    Task<PictureRange[]> Finished(string phase);

    /// <summary>The artefact is written: workers that come late have nothing to do.</summary>
    Task End();
}
