using System.Diagnostics;
using Specializer.Benchmarks.Models;
using Specializer.GpuBenchmarks.Measurement;
using Specializer.GpuBenchmarks.PyTorch;
using Specializer.GpuBenchmarks.Report;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks;

/// <summary>Everything that one run checks and measures: parts in a fixed order, each with its share of the time. What a part leaves goes to the next ones.</summary>
internal sealed class Benchmark(string kind, int index, bool quick, int[] batches, string python, double minutes, Figures figures)
{
    private static readonly string[] ModelPrecisions = ["FP16", "W8A8", "W4A8"];

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly int[] _batches = [.. (batches.Length > 0 ? batches : quick ? [1] : [1, 8, 32]).Distinct().OrderDescending()];
    /// <summary>ILGPU's CPU accelerator runs one kernel at a time on all processors.</summary>
    private readonly int _width = kind == "cpu" ? 1 : Math.Min(8, Environment.ProcessorCount);
    private readonly List<KernelRow> _kernels = [];
    private readonly List<ModelRow> _models = [];
    private readonly List<PyTorchRow> _pytorch = [];
    private FirstImageRow? _first;
    private bool _disagrees, _failed;
    private double _share;

    /// <summary>0: everything agrees; 1: something does not; 3: a part failed.</summary>
    public int Run()
    {
        using var watchdog = new Timer(_ => Abort(), null, TimeSpan.FromMinutes(minutes) + TimeSpan.FromSeconds(20), Timeout.InfiniteTimeSpan);
        using var devices = new OpenDevices(Open, quick);
        // Without it there is nothing to do: this error is the caller's.
        OpenDevice opened = devices[false];
        (string Network, Layer[] Layers)[] networks = Networks();
        Part("device", devices, 0.03, _ => Device(opened));
        Part("first image", devices, 0.04, _ => FirstImage());
        Part("agreement", devices, 0.15, box => Agree(devices, box, [.. networks.SelectMany(n => n.Layers)]));
        Part(networks[0].Network, devices, 0.26, box => Kernels(devices, box, networks[0].Network, networks[0].Layers));
        if (kind == "cuda") Part("PyTorch", devices, 0.25, box => PyTorch(box, networks[0].Layers));
        var models = new ModelMeasurement();
        Part("models", devices, 0.13, box => Models(devices, box, models, _batches, graphs: false));
        foreach (var (network, layers) in networks.Skip(1)) Part(network, devices, 0.06, box => Kernels(devices, box, network, layers));
        Part("registers", devices, 0.02, _ => Registers(devices));
        // What no card has run yet comes last.
        if (kind == "cuda") Part("graphs", devices, 0.06, box => Graphs(devices, box, models));
        Part("targets", devices, 0, _ => Targets(devices, networks[0].Network));
        figures.Note($"{_clock.Elapsed.TotalSeconds:F0} s; {(_disagrees ? "NOT everything agrees with the CPU" : "everything that was compared agrees with the CPU")}.");
        figures.Save();
        return _disagrees ? 1 : _failed ? 3 : 0;
    }

    private void Part(string name, OpenDevices devices, double share, Action<TimeBox> measure)
    {
        _share += share;
        var box = new TimeBox(_clock, TimeSpan.FromMinutes(minutes * _share));
        try
        {
            measure(box);
            if (box.Cut) figures.Note($"{name}: the time was over before everything was measured.");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The other parts may still be possible, on a device that is opened anew.
            Exception failure = (e as AggregateException)?.InnerExceptions[0] ?? e;
            _failed = true;
            figures.Note($"{name}: FAILED: {failure.GetType().Name}: {failure.Message}");
            devices.Reopen();
        }
    }

    private void Abort()
    {
        figures.Note($"Stopped after {_clock.Elapsed.TotalSeconds:F0} s: an operation did not end.");
        figures.Save();
        Environment.Exit(4);
    }

    private IlgpuDevice Open(IlgpuDeviceOptions options) => kind switch
    {
        "cuda" => IlgpuDevice.Cuda(index, options),
        "opencl" => IlgpuDevice.OpenCL(index, options),
        _ => IlgpuDevice.Cpu(options),
    };

    private (string, Layer[])[] Networks() => quick
        ? [("tiny", [new ConvolutionLayer(new(8, 16, 32)), new ConvolutionLayer(new(8, 16, 16, KernelSize: 1)), new NormLayer(8, 32), new AttentionLayer(4, 1, 8)])]
        : [("LDM-4", [.. Ldm4.Layers()]), ("ddpm-cifar10-32", [.. Layer.Of(BenchmarkModel.Load("ddpm-cifar10-32").Network)])];

    private void Device(OpenDevice open)
    {
        figures.Table("limit, measured", open.Device.Name);
        foreach (var (limit, value) in (ReadOnlySpan<(string, double?)>)
            [("mma.sync int8, TOPS", open.Limits.Int8 / 1e12), ("mma.sync FP16, TFLOPS", open.Limits.Half / 1e12), ("copy, GB/s read and written", open.Limits.Bandwidth / 1e9)])
            figures.Add("limits", new { device = open.Device.Name, limit, value }, limit, value);
    }

    private void FirstImage()
    {
        FirstImageRow r = _first = ModelMeasurement.FirstImage(() => Open(new()), whole: kind != "cpu");
        figures.Table("from nothing to pictures", "open, s", "load and prepare, s", "run, s", "together, s");
        figures.Add("first", r, r.What, r.OpenSeconds, r.SessionSeconds, r.RunSeconds, r.TogetherSeconds);
    }

    private void Agree(OpenDevices devices, TimeBox box, Layer[] layers)
    {
        figures.Table("sampler as shipped, device beside CPU", "half", "dB", "agrees");
        foreach (bool half in (bool[])[false, true])
        {
            ImageAgreementRow image = Agreement.Image(devices[half].Device, whole: kind != "cpu");
            // Half precision is another arithmetic: its figure is shown, not judged.
            _disagrees |= !half && !image.Agrees;
            figures.Add("images", image, image.What, half ? "yes" : "no", image.Decibels, image.Decibels is null ? "same bits" : image.Agrees);
        }

        figures.Table("layer, device beside CPU", "precision", "batch", "elements", "other bits", "largest difference", "agrees");
        int wrong = 0;
        foreach (AgreementRow r in Agreement.Layers(devices, box, _width, layers, [.. ((int[])[1, _batches.Max()]).Distinct()]))
        {
            // OpenCL fixes neither division nor fusing, so only a difference that is more than rounding is one.
            bool agrees = r.Agrees || kind == "opencl" && r.Precision is "FP32" && r.Largest < 1e-4;
            if (!agrees) wrong++;
            figures.Add("agreement", r, r.Layer, r.Precision, r.Batch, r.Elements, r.Differing, r.Largest, agrees);
        }

        _disagrees |= wrong > 0;
        figures.Note($"{wrong} layers disagree.");
    }

    private void Models(OpenDevices devices, TimeBox box, ModelMeasurement models, int[] batches, bool graphs)
    {
        figures.Table(graphs ? "model, a step as a graph" : "model, a step", "batch", "precision", "ms", "ms to queue", "ms on the device", "% waiting for launches", "launches", "same bits");
        void Add(ModelRow r)
        {
            _models.Add(r);
            _disagrees |= r.SameBits == false;
            figures.Add("models", r, r.Model, r.Batch, r.Precision, r.StepMs, r.QueueMs, r.DeviceMs, 100 * r.LaunchShare, r.Launches, r.SameBits);
        }

        foreach (int batch in batches) Add(models.Shipped(devices[false, graphs], batch));
        foreach (string model in quick ? ["mnist"] : BenchmarkModel.Names.Reverse())
            foreach (ModelRow r in models.Measure(devices, box, BenchmarkModel.Load(model), batches, graphs)) Add(r);
    }

    /// <summary>The same models with one call for the launches of a step: whether the bits are the same, and what it saves.</summary>
    private void Graphs(OpenDevices devices, TimeBox box, ModelMeasurement models)
    {
        var (images, differing) = Agreement.Replayed(devices[false].Device, devices[false, graphs: true].Device);
        _disagrees |= differing > 0;
        figures.Table("sampler as shipped, steps as graphs", "images", "other bits");
        figures.Add("graphs", new { images, differing }, "beside single launches", images, differing);
        // Larger batches hardly wait for launches.
        Models(devices, box, models, [_batches.Min()], graphs: true);
    }

    private void PyTorch(TimeBox box, Layer[] layers)
    {
        figures.Table("PyTorch, bf16, channels-last", "batch", "eager, ms", "compiled, ms");
        string? missing = PyTorchRun.Measure(python, layers, _batches, box, r =>
        {
            lock (_pytorch) _pytorch.Add(r);
            figures.Add("pytorch", r, r.Layer, r.Batch, r.EagerMs, r.CompiledMs);
        });
        if (missing is not null) figures.Note($"PyTorch: {(_pytorch.Count == 0 ? "not present" : "not all of it")} ({missing}).");
    }

    private void Kernels(OpenDevices devices, TimeBox box, string network, Layer[] layers)
    {
        figures.Table($"{network}, kernel", "a step", "precision", "batch", "µs", "TOPS", "% of limit");
        foreach (KernelRow r in KernelMeasurement.Measure(devices, box, _width, network, layers, _batches))
        {
            _kernels.Add(r);
            figures.Add("kernels", r, r.Layer, r.Count, r.Precision, r.Batch, 1e3 * r.Ms, r.Tops, 100 * r.Share);
        }

        figures.Table($"{network}, sum over a step's layers", "batch", "precision", "ms");
        foreach (SumRow s in KernelMeasurement.Sums(_kernels, network, layers, _batches)) figures.Add("sums", s, network, s.Batch, s.Precision, s.Ms);
    }

    /// <summary>What the driver gave each kernel; of those that are made for many shapes, the most.</summary>
    private void Registers(OpenDevices devices)
    {
        figures.Table("kernel", "compiled", "registers", "bytes local", "bytes shared");
        foreach (var kernel in devices.Opened.SelectMany(d => d.Device.Kernels.Resources).GroupBy(k => $"{k.Kernel.DeclaringType!.Name}.{k.Kernel.Name}").OrderBy(k => k.Key, StringComparer.Ordinal))
        {
            int? Most(Func<KernelResources, int> value) => kernel.Max(k => k.Resources is { } resources ? value(resources) : (int?)null);
            var row = new { kernel = kernel.Key, compiled = kernel.Count(), registers = Most(r => r.Registers), localBytes = Most(r => r.LocalBytes), sharedBytes = Most(r => r.SharedBytes) };
            figures.Add("registers", row, row.kernel, row.compiled, row.registers ?? (object)"not measured", row.localBytes, row.sharedBytes);
        }
    }

    /// <summary>The figures to reach, from what was measured above.</summary>
    private void Targets(OpenDevices devices, string network)
    {
        figures.Table("figure", "reached", "wanted", "");
        void Add(string figure, double? reached, string wanted, Func<double, bool> holds)
        {
            bool? isReached = reached is { } value ? holds(value) : null;
            figures.Add("targets", new TargetRow(figure, reached, wanted, isReached), figure, reached, wanted, isReached is null ? "not measured" : isReached);
        }

        int batch = _batches.Max();
        KernelRow[] large = [.. _kernels.Where(r => r.Network == network && r.Precision == "W8A8" && r.Batch == batch && r.Share is not null && r.Layer.StartsWith("3×3", StringComparison.Ordinal) && r.Tops > 0)];
        // Weighted by time: the share that all of them together reach.
        double? share = large.Length == 0 ? null : 100 * large.Sum(r => r.Count * r.Ms * r.Share) / large.Sum(r => r.Count * r.Ms);
        Add($"{network} 3×3 convolutions, W8A8, batch {batch}, % of mma.sync", share, "≥ 40", v => v >= 40);
        double? step = KernelMeasurement.Sums(_kernels, network, Networks()[0].Item2, [batch]).First(s => s.Precision == "W8A8").Ms;
        double? torch = _pytorch.Where(p => p.Layer == PyTorchRow.Step && p.Batch == batch).Max(p => p.CompiledMs);
        Add($"{network} step, batch {batch}, PyTorch compiled over W8A8", torch / step, "≥ 1", v => v >= 1);
        foreach (string precision in ModelPrecisions)
            foreach (bool graph in (bool[])[false, true])
                Add($"ddpm-cifar10-32, batch 1, {precision}, {(graph ? "as a graph" : "launched singly")}, % waiting",
                    100 * _models.FirstOrDefault(m => m.Model == "ddpm-cifar10-32" && m.Batch == 1 && m.Precision == precision && m.Graph == graph)?.LaunchShare, "≤ 10", v => v <= 10);
        Add("first image, s", _first?.TogetherSeconds, "≤ 5", v => v <= 5);
    }
}
