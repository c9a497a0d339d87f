using System.Diagnostics;

namespace Specializer.ClusterSilo;

/// <summary>Prints what a silo's activities cost: <c>activity NAME BEGIN SECONDS</c>, the beginning in seconds since 1970.</summary>
internal static class ActivityPrinter
{
    public static void Start() => ActivitySource.AddActivityListener(new ActivityListener
    {
        ShouldListenTo = source => source.Name.StartsWith("Specializer.", StringComparison.Ordinal),
        Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        ActivityStopped = activity => Console.WriteLine(FormattableString.Invariant(
            $"activity {activity.OperationName} {(activity.StartTimeUtc - DateTime.UnixEpoch).TotalSeconds:F6} {activity.Duration.TotalSeconds:F6}")),
    });
}
