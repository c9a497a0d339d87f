using System.Diagnostics;

namespace Specializer.ClusterSilo;

/// <summary>Prints a silo's activities: <c>activity NAME BEGIN SECONDS TRACE SPAN PARENT LINKED</c>, the beginning in seconds since 1970, the last the span that it is linked to or -.</summary>
internal static class ActivityPrinter
{
    public static void Start() => ActivitySource.AddActivityListener(new ActivityListener
    {
        ShouldListenTo = source => source.Name.StartsWith("Specializer.", StringComparison.Ordinal) || source.Name == "Microsoft.Orleans.Application",
        Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        ActivityStopped = activity => Console.WriteLine(FormattableString.Invariant(
            $"activity {activity.OperationName.Replace(' ', '_')} {(activity.StartTimeUtc - DateTime.UnixEpoch).TotalSeconds:F6} {activity.Duration.TotalSeconds:F6} {activity.TraceId} {activity.SpanId} {activity.ParentSpanId} {(activity.Links.Any() ? activity.Links.First().Context.SpanId : "-")}")),
    });
}
