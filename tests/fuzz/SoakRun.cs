using System.Diagnostics;
using Specializer.Generator.Tests;

namespace Specializer.Fuzz;

/// <summary>Many tiny pictures and sessions: memory and handles stay as they are, the same seed gives the same bits, also after calls that were cancelled anywhere.</summary>
internal static class SoakRun
{
    private const int SessionEvery = 100, CancelEvery = 10, Samples = 40;
    // The first quarter fills caches and lets the compiler finish.
    private const int Settled = Samples / 4;
    private const double MostBytes = 4 << 20;
    // An assembly that is loaded late keeps two, and the runtime's own threads come and go; a leak would be of the sessions' number, of which the shortest run has 20.
    private const double MostHandles = 10;
    private static readonly int[] s_threads = [1, 2, 5, 16];

    /// <summary>Draws so many pictures; returns the number of faults.</summary>
    public static int Run(long count)
    {
        string manifest = new ManifestBuilder { Size = 4, Steps = 3, Classes = 3, EmbeddingWidth = 16, Guided = true }.WithEveryOperation().ToString();
        Func<Device, Sampler> load = CompiledNetworks.Of([RandomArtifact.Of(manifest)])[0];
        using var device = new CpuDevice(2);
        using Sampler sampler = load(device);
        float[] expected = sampler.Sample(Options(0)).Pixels.ToArray();
        var watch = Stopwatch.StartNew();
        var measured = new List<Measurement>();
        int faults = 0, cancelled = 0;
        var random = new Random(1);
        for (long i = 0; i < count; i++)
        {
            if (i % Math.Max(1, count / Samples) == 0) measured.Add(Measure(i));
            // Seed 0 comes back now and then, which must not depend on what was drawn between.
            ulong seed = i % 16 == 0 ? 0 : (ulong)i;
            if (i % CancelEvery == 0) cancelled += Cancel(sampler, random);
            if (i % SessionEvery == 0) faults += WithSession(load, s_threads[i / SessionEvery % s_threads.Length], expected, random);
            else if (!sampler.Sample(Options(seed)).Pixels.Span.SequenceEqual(expected) && seed == 0) faults++;
        }

        measured.Add(Measure(count));
        Measurement[] settled = [.. measured.Skip(Settled)];
        double memory = Slope(settled, m => m.Memory) * count, resident = Slope(settled, m => m.Resident) * count, handles = Slope(settled, m => m.Handles) * count, threads = Slope(settled, m => m.Threads) * count;
        if (memory > MostBytes || handles > MostHandles || threads > MostHandles) faults++;
        long step = AllocatedPerStep(load);
        if (step != 0) faults++;
        Console.WriteLine(FormattableString.Invariant(
            $"soak: {count} pictures, {count / SessionEvery} sessions, {cancelled} calls cancelled in {watch.Elapsed.TotalSeconds:F0} s; over the whole run the managed heap changes by {memory / 1024:F0} KB, resident memory by {resident / 1024:F0} KB, handles by {handles:F1}, threads by {threads:F1} (fitted to the last three quarters); a step allocates {step} bytes on five threads; {faults} faults"));
        return faults;
    }

    private static SampleOptions Options(ulong seed) => new() { Count = 1, Seed = seed, Labels = [1], Guidance = 2 };

    // Cancelled after a random time, most often within the call.
    private static int Cancel(Sampler sampler, Random random)
    {
        using var source = new CancellationTokenSource();
        var progress = new CancelAt(source, random.Next(4));
        try
        {
            sampler.Sample(Options(9), progress, source.Token);
            return 0;
        }
        catch (OperationCanceledException)
        {
            return 1;
        }
    }

    private static int WithSession(Func<Device, Sampler> load, int threads, float[] expected, Random random)
    {
        using var device = new CpuDevice(threads);
        using Sampler sampler = load(device);
        using SamplerSession session = sampler.CreateSession(2 + random.Next(4));
        return session.Sample(Options(0)).Pixels.Span.SequenceEqual(expected) ? 0 : 1;
    }

    /// <summary>What all threads of the process allocate between two steps: of many steps the one in the middle, for the runtime's own threads allocate now and then.</summary>
    private static long AllocatedPerStep(Func<Device, Sampler> load)
    {
        using var device = new CpuDevice(5);
        using Sampler sampler = load(device);
        using SamplerSession session = sampler.CreateSession(4);
        session.Sample(Options(0));
        var allocated = new Allocations();
        for (int i = 0; i < Samples; i++)
        {
            allocated.Begin();
            session.Sample(Options((ulong)i), allocated);
        }

        return allocated.Median();
    }

    private static Measurement Measure(long count)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return new(count, GC.GetTotalMemory(forceFullCollection: true), process.WorkingSet64, process.HandleCount, process.Threads.Count);
    }

    private static double Slope(Measurement[] points, Func<Measurement, double> value)
    {
        double x = points.Average(p => p.Count), y = points.Average(value), spread = points.Sum(p => (p.Count - x) * (p.Count - x));
        return spread == 0 ? 0 : points.Sum(p => (p.Count - x) * (value(p) - y)) / spread;
    }

    private readonly record struct Measurement(double Count, double Memory, double Resident, double Handles, double Threads);

    private sealed class CancelAt(CancellationTokenSource source, int step) : IProgress<SampleProgress>
    {
        private int _step;

        public void Report(SampleProgress value)
        {
            if (_step++ == step) source.Cancel();
        }
    }

    private sealed class Allocations : IProgress<SampleProgress>
    {
        private readonly long[] _steps = new long[1000];
        private int _count;
        private long? _before;

        /// <summary>Before a call: its first step has allocated what the call needs.</summary>
        public void Begin() => _before = null;

        public long Median() => _steps[.._count].Order().ElementAt(_count / 2);

        public void Report(SampleProgress value)
        {
            long now = GC.GetTotalAllocatedBytes(precise: true);
            if (_before is { } before) _steps[_count++] = now - before;
            _before = GC.GetTotalAllocatedBytes(precise: true);
        }
    }
}
