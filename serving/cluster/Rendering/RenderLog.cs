using Microsoft.Extensions.Logging;

namespace Specializer.Cluster;

/// <summary>What is written to the log. In one class: the generator that fills in several prints them in no fixed order, and packages would differ from build to build.</summary>
internal static partial class RenderLog
{
    [LoggerMessage(LogLevel.Information, "Job {Job}: {Worker} finished a unit too late; another has it.")]
    public static partial void Late(this ILogger log, string job, string worker);

    [LoggerMessage(LogLevel.Warning, "Job {Job}: the list of hashes could not be written; it will be tried again.")]
    public static partial void NotFinished(this ILogger log, Exception e, string job);

    [LoggerMessage(LogLevel.Warning, "A silo's worker failed; it goes on.")]
    public static partial void Failed(this ILogger log, Exception e);
}
