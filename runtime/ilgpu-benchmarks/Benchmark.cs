using System.Text.Json;
using Specializer.Benchmarks.Models;
using Specializer.Benchmarks.Report;
using Specializer.GpuBenchmarks.Measurement;
using Specializer.GpuBenchmarks.PyTorch;
using Specializer.GpuBenchmarks.Shapes;
using Specializer.Ilgpu;

namespace Specializer.GpuBenchmarks;

/// <summary>Everything that one run measures and prints.</summary>
internal sealed class Benchmark(string kind, int index, bool quick, int[] batches, string python)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private readonly int[] _batches = batches.Length > 0 ? batches : quick ? [1] : [1, 8, 32];
    private readonly List<KernelRow> _kernels = [];
    private readonly List<ModelRow> _models = [];

    public void Run(TextWriter to, FileInfo? json)
    {
        FirstImageRow first = ModelMeasurement.FirstImage(() => Open(half: false), whole: kind != "cpu");
        (string Network, Layer[] Layers)[] networks = Networks();
        var models = new ModelMeasurement();
        string name = "";
        (double? Int8, double? Half, double Bandwidth) limit = default;
        foreach (bool half in (bool[])[false, true])
        {
            using IlgpuDevice device = Open(half);
            using var limits = new CardLimits(device, quick);
            (name, limit) = (device.Name, (limits.Int8, limits.Half, limits.Bandwidth));
            var clock = new DeviceClock(device, limits, quick ? 3 : 9);
            foreach (var (network, layers) in networks)
                foreach (int batch in _batches) _kernels.AddRange(KernelMeasurement.Measure(device, clock, limits, network, layers, batch));
            foreach (int batch in _batches)
            {
                if (!half) _models.Add(ModelMeasurement.Shipped(device, clock, batch));
                foreach (string model in quick ? ["mnist"] : BenchmarkModel.Names)
                    foreach (Precision precision in Precision.All.Where(p => p.Half == half && p.Name is ("FP16" or "W8A8" or "W4A8")))
                        _models.Add(models.Measure(device, clock, BenchmarkModel.Load(model), precision, batch));
            }
        }

        SumRow[] sums = [.. KernelMeasurement.Sums(_kernels)];
        var (pytorch, missing) = kind == "cuda"
            ? PyTorchRun.Measure(python, networks.SelectMany(n => n.Layers), _batches)
            : ([], "only measured beside CUDA");
        Print(to, name, limit, first, sums, pytorch, missing);
        if (json is not null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(
                new { device = name, limits = new { int8 = limit.Int8, half = limit.Half, bandwidth = limit.Bandwidth }, first, kernels = _kernels, models = _models, sums, pytorch, pytorchMissing = missing }, Json));
    }

    private IlgpuDevice Open(bool half)
    {
        var options = new IlgpuDeviceOptions { HalfPrecision = half };
        return kind switch
        {
            "cuda" => IlgpuDevice.Cuda(index, options),
            "opencl" => IlgpuDevice.OpenCL(index, options),
            _ => IlgpuDevice.Cpu(options),
        };
    }

    private (string, Layer[])[] Networks() => quick
        ? [("tiny", [new ConvolutionLayer(new(8, 16, 32)), new ConvolutionLayer(new(8, 16, 16, KernelSize: 1)), new NormLayer(8, 32), new AttentionLayer(4, 1, 8)])]
        : [("LDM-4", [.. Ldm4.Layers()]), ("ddpm-cifar10-32", [.. Layer.Of(BenchmarkModel.Load("ddpm-cifar10-32").Network)])];

    private void Print(
        TextWriter to, string name, (double? Int8, double? Half, double Bandwidth) limit, FirstImageRow first, SumRow[] sums, PyTorchRow[] pytorch, string? missing)
    {
        to.WriteLine($"{name}\n");
        var limits = new MarkdownTable("limit, measured", "");
        limits.Add("mma.sync int8, TOPS", limit.Int8 / 1e12);
        limits.Add("mma.sync FP16, TFLOPS", limit.Half / 1e12);
        limits.Add("copy, GB/s read and written", limit.Bandwidth / 1e9);
        to.WriteLine(limits);

        var start = new MarkdownTable("", "open, s", "load and prepare, s", "run, s", "together, s");
        start.Add(first.What, first.OpenSeconds, first.SessionSeconds, first.RunSeconds, first.OpenSeconds + first.SessionSeconds + first.RunSeconds);
        to.WriteLine(start);

        var byLayer = pytorch.ToLookup(r => (r.Layer, r.Batch));
        foreach (var group in _kernels.GroupBy(r => (r.Network, r.Batch)))
        {
            var kernels = new MarkdownTable($"{group.Key.Network}, batch {group.Key.Batch}", "a step", "precision", "µs", "TOPS", "% of limit", "PyTorch bf16, µs", "compiled, µs");
            foreach (KernelRow r in group.OrderBy(r => r.Layer, StringComparer.Ordinal))
            {
                PyTorchRow? torch = byLayer[(r.Layer, r.Batch)].FirstOrDefault();
                kernels.Add(r.Layer, r.Count, r.Precision, 1e3 * r.Ms, r.Tops, 100 * r.Share, 1e3 * torch?.EagerMs, 1e3 * torch?.CompiledMs);
            }

            to.WriteLine(kernels);
        }

        var total = new MarkdownTable("sum over a step's layers", "batch", "precision", "ms");
        foreach (SumRow s in sums) total.Add(s.Network, s.Batch, s.Precision, s.Ms);
        foreach (var group in _kernels.GroupBy(r => (r.Network, r.Batch)))
        {
            (string Layer, int Count)[] layers = [.. group.Select(r => (r.Layer, r.Count)).Distinct()];
            double? Sum(Func<PyTorchRow, double?> time) => layers.Aggregate((double?)0, (sum, l) => sum + l.Count * (byLayer[(l.Layer, group.Key.Batch)].FirstOrDefault() is { } row ? time(row) : null));
            total.Add(group.Key.Network, group.Key.Batch, "PyTorch bf16", Sum(r => r.EagerMs));
            total.Add(group.Key.Network, group.Key.Batch, "PyTorch bf16, compiled", Sum(r => r.CompiledMs));
        }

        to.WriteLine(total);
        var steps = new MarkdownTable("model", "batch", "precision", "ms a step", "ms to queue", "ms on the device", "% waiting for launches", "launches");
        foreach (ModelRow r in _models) steps.Add(r.Model, r.Batch, r.Precision, r.StepMs, r.QueueMs, r.DeviceMs, 100 * r.LaunchShare, r.Launches);
        to.WriteLine(steps);
        to.WriteLine(missing is null ? $"PyTorch: {pytorch.Length} measurements." : $"PyTorch: not present ({missing}).");
    }
}
