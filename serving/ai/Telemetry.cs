using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Specializer.Extensions.AI;

/// <summary>The generator's meter and activities (docs/serving.md lists them). Where nobody listens, nothing is measured.</summary>
internal static class Telemetry
{
    public const string Name = "Specializer.Extensions.AI";

    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter s_meter = new(Name);
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram<double>("specializer.request.duration", "s", "From a request to its images, or to its end without.");
    private static readonly UpDownCounter<int> s_pending = s_meter.CreateUpDownCounter<int>("specializer.request.pending", "{request}", "Requests that wait or are drawn.");
    private static readonly Counter<int> s_images = s_meter.CreateCounter<int>("specializer.images", "{image}", "Images drawn.");
    private static readonly Histogram<int> s_batch = s_meter.CreateHistogram<int>("specializer.batch.images", "{image}", "Images drawn together.");

    public static Activity? StartRequest(string model, ImageRequest request)
    {
        Activity? activity = Activities.StartActivity("specializer.generate");
        activity?.SetTag("specializer.model", model).SetTag("specializer.images", request.Count).SetTag("specializer.guidance", request.Guidance);
        return activity;
    }

    public static Activity? StartBatch(string model, Batch batch)
    {
        if (!Activities.HasListeners()) return null;
        Activity? activity = Activities.StartActivity("specializer.draw", ActivityKind.Internal, default(ActivityContext),
            links: batch.Members.Where(m => m.Trace != default).Select(m => new ActivityLink(m.Trace)));
        activity?.SetTag("specializer.model", model).SetTag("specializer.images", batch.Images).SetTag("specializer.requests", batch.Members.Count());
        return activity;
    }

    /// <summary>Turns the steps of a drawing, whose activity is the current one, into activities; null where nobody listens.</summary>
    public static IProgress<SampleProgress>? Steps() => Activities.HasListeners() ? new StepTrace(Activity.Current?.Context ?? default) : null;

    public static void Entered(string model) => s_pending.Add(1, Model(model));

    /// <param name="model">The model's name.</param>
    /// <param name="start">Of <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <param name="outcome"><c>drawn</c>, <c>cancelled</c>, <c>refused</c> or <c>failed</c>.</param>
    /// <param name="entered">Whether <see cref="Entered"/> was told.</param>
    public static void Left(string model, long start, string outcome, bool entered)
    {
        if (entered) s_pending.Add(-1, Model(model));
        if (s_duration.Enabled) s_duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, Model(model), new("outcome", outcome));
    }

    public static void Drawn(string model, int images)
    {
        s_images.Add(images, Model(model));
        s_batch.Record(images, Model(model));
    }

    private static KeyValuePair<string, object?> Model(string name) => new("model", name);
}
