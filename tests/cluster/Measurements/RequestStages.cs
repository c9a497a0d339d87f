using System.Collections.Concurrent;
using System.Diagnostics;

namespace Specializer.Cluster.Tests;

/// <summary>What a client's requests spend their time on: the calls that each makes, by when they began and how long they took.</summary>
internal sealed class RequestStages : IDisposable
{
    private const string Name = "Specializer.Cluster.Tests";

    private static readonly ActivitySource s_requests = new(Name);

    private readonly ConcurrentDictionary<ActivityTraceId, ConcurrentQueue<Activity>> _calls = new();
    private readonly ActivityListener _listener;

    public RequestStages()
    {
        _listener = new()
        {
            ShouldListenTo = source => source.Name is Name or "Microsoft.Orleans.Application",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = call =>
            {
                if (_calls.TryGetValue(call.TraceId, out ConcurrentQueue<Activity>? calls)) calls.Enqueue(call);
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Times a request.</summary>
    /// <returns>Its time in seconds, and its calls in words: name, milliseconds after the beginning, + milliseconds, ! where it failed.</returns>
    public async Task<(double Seconds, string Calls)> Time(Func<Task> request)
    {
        using Activity activity = s_requests.StartActivity("request")!;
        var calls = new ConcurrentQueue<Activity>();
        _calls[activity.TraceId] = calls;
        long start = Stopwatch.GetTimestamp();
        await request();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _calls.TryRemove(activity.TraceId, out _);
        return (seconds, string.Join(' ', calls.OrderBy(c => c.StartTimeUtc).Select(c => FormattableString.Invariant(
            $"{c.OperationName.Split('/')[^1]}@{(c.StartTimeUtc - activity.StartTimeUtc).TotalMilliseconds:F0}+{c.Duration.TotalMilliseconds:F0}{(c.Status == ActivityStatusCode.Error ? "!" : "")}"))));
    }

    public void Dispose() => _listener.Dispose();
}
