using System.Diagnostics;
using ILGPU.Runtime;
using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>What some queued operations take.</summary>
/// <param name="WallMs">From the first call until the device is idle again.</param>
/// <param name="QueueMs">Until the calls have returned: what the host needs to queue them.</param>
/// <param name="DeviceMs">Between the device's first and last instruction when all of it was queued beforehand, so that the host delays nothing.</param>
internal readonly record struct Times(double WallMs, double QueueMs, double DeviceMs)
{
    /// <summary>Share of the time in which the device waits for the host.</summary>
    public double LaunchShare => Math.Max(0, 1 - DeviceMs / WallMs);
}

/// <summary>Measures operations on one device. Medians of several turns.</summary>
internal sealed class DeviceClock(IlgpuDevice device, CardLimits limits, int turns)
{
    /// <param name="stream">Where <paramref name="queue"/> queues.</param>
    /// <param name="queue">Queues the operations.</param>
    /// <param name="times">How often in a row; the result is of one.</param>
    public Times Measure(AcceleratorStream stream, Action queue, int times = 1)
    {
        void All()
        {
            for (int i = 0; i < times; i++) queue();
        }

        queue();
        stream.Synchronize();
        var samples = new List<Times>();
        for (int turn = 0; turn < turns; turn++)
        {
            long start = Stopwatch.GetTimestamp();
            All();
            double queued = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            stream.Synchronize();
            double wall = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            samples.Add(new(wall / times, queued / times, OnDevice(stream, All, queued) / times));
        }

        return new(Median(samples, s => s.WallMs), Median(samples, s => s.QueueMs), Median(samples, s => s.DeviceMs));
    }

    /// <summary>The device's time alone, of one call out of as many in a row as take some milliseconds.</summary>
    public double MeasureDevice(AcceleratorStream stream, Action queue)
    {
        queue();
        stream.Synchronize();
        double once = OnDevice(stream, queue, 1);
        int times = (int)Math.Clamp(4 / once, 1, 20);
        var samples = new List<double>();
        // Four turns of a slow kernel say as much as seven of a fast one.
        for (int turn = 0; turn < (once > 20 ? Math.Min(turns, 4) : turns); turn++)
            samples.Add(OnDevice(stream, () =>
            {
                for (int i = 0; i < times; i++) queue();
            }, 0.05 * times) / times);
        return samples.Order().ElementAt(samples.Count / 2);
    }

    private double OnDevice(AcceleratorStream stream, Action all, double queueMs)
    {
        device.Accelerator.Bind();
        limits.Delay(stream, 3 * queueMs + 1);
        using ProfilingMarker begin = stream.AddProfilingMarker();
        all();
        using ProfilingMarker end = stream.AddProfilingMarker();
        end.Synchronize();
        return end.MeasureFrom(begin).TotalMilliseconds;
    }

    private static double Median(List<Times> samples, Func<Times, double> value)
    {
        double[] sorted = [.. samples.Select(value).Order()];
        return sorted[sorted.Length / 2];
    }
}
