using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Specializer.Extensions.AI;

namespace Specializer.Serving.Tests;

/// <summary>The names that docs/serving.md promises.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task Requests_images_and_batches_are_counted()
    {
        const string Model = "counted";
        var seen = new ConcurrentQueue<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) => { if (instrument.Meter.Name == "Specializer.Extensions.AI") l.EnableMeasurementEvents(instrument); },
        };
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, $"{value}", tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value >= 0 ? "time" : "negative", tags));
        listener.Start();

        using (var generator = new SpecializerImageGenerator(new FakeSampler(Model), new SpecializerImageGeneratorOptions()))
        {
            await generator.GenerateAsync(new("1"), new() { Count = 3 });
            await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(new("1"), new() { Count = -3 }));
        }

        Assert.Equal(
            [
                "specializer.batch.images 3", "specializer.images 3", "specializer.request.duration time outcome=drawn", "specializer.request.duration time outcome=refused",
                "specializer.request.pending -1", "specializer.request.pending 1",
            ],
            seen.Order(StringComparer.Ordinal));

        void Add(Instrument instrument, string value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (!tags.Contains(new("model", Model))) return;
            seen.Enqueue(string.Join(' ', [instrument.Name, value, .. tags.ToArray().Where(t => t.Key != "model").Select(t => $"{t.Key}={t.Value}")]));
        }
    }

    [Fact]
    public async Task A_drawing_is_linked_to_its_requests()
    {
        const string Model = "traced";
        var seen = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Specializer.Extensions.AI",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a => { if (Equals(a.GetTagItem("specializer.model"), Model)) seen.Enqueue(a); },
        };
        ActivitySource.AddActivityListener(listener);

        using (var generator = new SpecializerImageGenerator(new FakeSampler(Model), new SpecializerImageGeneratorOptions()))
            await generator.GenerateAsync(new("1"));

        Activity request = Assert.Single(seen, a => a.OperationName == "specializer.generate"), drawing = Assert.Single(seen, a => a.OperationName == "specializer.draw");
        Assert.Equal(request.Context, Assert.Single(drawing.Links).Context);
        Assert.Equal("drawn", request.GetTagItem("specializer.outcome"));
        Assert.Equal((1, 1), (drawing.GetTagItem("specializer.images"), drawing.GetTagItem("specializer.requests")));
    }
}
