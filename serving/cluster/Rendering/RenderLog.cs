using Microsoft.Extensions.Logging;

namespace Specializer.Cluster;

/// <summary>What is written to the log. In one class: the generator that fills in several prints them in no fixed order, and packages would differ from build to build.</summary>
internal static partial class RenderLog
{
    [LoggerMessage(LogLevel.Debug, "Job {Job} is on this silo, with {Leases} units in hand.")]
    public static partial void Here(this ILogger log, string job, int leases);

    [LoggerMessage(LogLevel.Debug, "Job {Job}: {Worker} has pictures {Unit} by lease {Lease}.")]
    public static partial void HandedOut(this ILogger log, string job, string worker, PictureRange unit, Guid lease);

    [LoggerMessage(LogLevel.Debug, "Job {Job}: {Worker} ended lease {Lease}, {Finished}: {Drawn} pictures drawn, {Found} found.")]
    public static partial void Ended(this ILogger log, string job, string worker, Guid lease, bool finished, int drawn, int found);

    [LoggerMessage(LogLevel.Information, "Job {Job}: {Worker} is lost, or did not renew its lease {Lease} of pictures {Unit} until {Expires}; another gets them.")]
    public static partial void TakenBack(this ILogger log, string job, string worker, Guid lease, PictureRange unit, DateTimeOffset expires);

    [LoggerMessage(LogLevel.Information, "Job {Job}: {Worker} finished a unit too late; another has it.")]
    public static partial void Late(this ILogger log, string job, string worker);

    [LoggerMessage(LogLevel.Warning, "Job {Job}: the list of hashes could not be written; it will be tried again.")]
    public static partial void NotFinished(this ILogger log, Exception e, string job);

    [LoggerMessage(LogLevel.Warning, "A silo's worker failed; it goes on.")]
    public static partial void Failed(this ILogger log, Exception e);
}
