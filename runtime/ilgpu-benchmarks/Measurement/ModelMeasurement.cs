using System.Diagnostics;
using System.Runtime.InteropServices;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.GpuBenchmarks.Report;
using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks.Measurement;

/// <summary>Measures whole networks, and how long the first image takes.</summary>
internal sealed class ModelMeasurement
{
    private readonly Dictionary<string, ActivationRanges> _ranges = [];
    /// <summary>Of single launches.</summary>
    private readonly Dictionary<(string, string, int), float[]> _results = [];

    /// <summary>Steps of a model, single launches or graphs.</summary>
    public IEnumerable<ModelRow> Measure(OpenDevices devices, TimeBox box, BenchmarkModel model, int[] batches, bool graphs)
    {
        foreach (Precision precision in Precision.All.Where(p => p.Name is "FP16" or "W8A8" or "W4A8"))
        {
            if (box.IsOver()) yield break;
            OpenDevice open = devices[precision.Half, graphs];
            using var network = BenchNetwork.Of(model, precision, Ranges);
            using var on = new DeviceNetwork(open.Device, network);
            foreach (int batch in batches)
            {
                if (box.IsOver()) yield break;
                using IlgpuExecution run = on.Open(batch);
                yield return Row(model.Name, precision.Name, open, run, () => on.Step(run), () => Agreement.Result(run, network));
            }
        }
    }

    /// <summary>The shipped sampler: generated code, with the solver's step.</summary>
    public ModelRow Shipped(OpenDevice open, int batch)
    {
        using MnistSampler sampler = MnistSampler.Load(open.Device);
        SamplerDescription d = sampler.Description;
        using var run = (IlgpuExecution)open.Device.CreateExecution(sampler.Weights, d.BytesPerImage, d.Vectors, batch);
        run.Prepare(() => sampler.RunStep(0, run));
        int elements = d.Height * d.Width * d.Channels;
        run.Begin(DrawnImage.Consecutive(batch, 1, 0, 1f), new int[batch], default);
        sampler.RunBegin(run);
        return Row("MNIST sampler as shipped", "W4, step 0", open, run, () => sampler.RunStep(0, run), () =>
        {
            var latent = new float[batch * elements];
            run.Read(d.Latent, elements, latent);
            return latent;
        });
    }

    /// <summary>From opening the device to the first image, kernel compilation included; of a slow device only the first step.</summary>
    public static FirstImageRow FirstImage(Func<IlgpuDevice> open, bool whole)
    {
        long start = Stopwatch.GetTimestamp();
        using IlgpuDevice device = open();
        double opened = Seconds(start);
        start = Stopwatch.GetTimestamp();
        using MnistSampler sampler = MnistSampler.Load(device);
        using SamplerSession session = sampler.CreateSession(1);
        double prepared = Seconds(start);
        start = Stopwatch.GetTimestamp();
        if (whole) session.Sample(new() { Labels = [3] });
        else
        {
            IAsyncEnumerator<SamplePreview> steps = session.PreviewAsync(new() { Labels = [3] }).GetAsyncEnumerator();
            steps.MoveNextAsync().AsTask().GetAwaiter().GetResult();
            steps.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        return new(whole ? $"first image of the MNIST sampler, {sampler.Description.Steps.Count} steps" : "first step of the MNIST sampler", opened, prepared, Seconds(start));
    }

    private static double Seconds(long start) => Stopwatch.GetElapsedTime(start).TotalSeconds;

    private ModelRow Row(string model, string precision, OpenDevice open, IlgpuExecution run, Action step, Func<float[]> result)
    {
        long before = run.LaunchCount;
        step();
        long launches = run.LaunchCount - before;
        // The third evaluation and all later ones replay a graph.
        for (int i = 0; i < 2; i++) step();
        bool graph = run.ReplayCount > 0, isKnown = _results.TryGetValue((model, precision, run.Batch), out float[]? single);
        float[] bits = result();
        if (!graph) _results[(model, precision, run.Batch)] = bits;
        bool? same = graph && isKnown ? MemoryMarshal.AsBytes<float>(bits).SequenceEqual(MemoryMarshal.AsBytes<float>(single)) : null;
        Times t = open.Clock.Measure(run.Stream, step);
        return new(model, precision, run.Batch, t.WallMs, t.QueueMs, t.DeviceMs, t.LaunchShare, launches, graph, same);
    }

    private ActivationRanges Ranges(BenchmarkModel model)
    {
        if (_ranges.TryGetValue(model.Name, out ActivationRanges? known)) return known;
        using var cpu = new CpuDevice();
        var interpreter = new NetworkInterpreter(model.Network, BenchmarkModel.Timesteps.Length);
        using PackedWeights packed = interpreter.Pack(model.Bytes);
        using DeviceWeights weights = cpu.Upload(packed);
        using Execution run = cpu.CreateExecution(weights, interpreter.Plan.BytesPerImage, interpreter.Vectors, 1);
        run.Begin(1, model.Network.Embedding.Classes == 0 ? [] : [0], default);
        run.Write(interpreter.Latent, interpreter.LatentElements, model.States(1));
        var collector = new RangeCollector(interpreter);
        interpreter.Run(run, 0, InterpretedStep.Float32, collector.Observe);
        return _ranges[model.Name] = collector.Ranges;
    }
}
