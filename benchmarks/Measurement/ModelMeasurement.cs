using Specializer.Benchmarks.Kernels;
using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Measurement;

/// <summary>One line of the comparison.</summary>
/// <param name="Model">Which network.</param>
/// <param name="Configuration">Ours by bits, or ONNX Runtime's.</param>
/// <param name="Threads">Threads, the caller's included.</param>
/// <param name="Batch">Images evaluated together.</param>
/// <param name="MsPerStep">Milliseconds of one evaluation of the whole batch.</param>
/// <param name="Rate">GMAC/s, by the products that the network asks for.</param>
/// <param name="OfTheLimit">Part of that time in which the products that are executed could have been made; null for what executes others, or where no limits were measured.</param>
/// <param name="RatioToOrtFp32">Above 1 where this is faster; null where that was not measured, as in the other two.</param>
/// <param name="RatioToOrtInt8">Above 1 where this is faster.</param>
/// <param name="RatioToOrtDynamic">Above 1 where this is faster.</param>
/// <param name="BytesRead">Of weights and maps, by the operations of one evaluation; null for ONNX Runtime.</param>
internal sealed record ModelRow(string Model, string Configuration, int Threads, int Batch, double MsPerStep, double Rate, double? OfTheLimit,
    double? RatioToOrtFp32, double? RatioToOrtInt8, double? RatioToOrtDynamic, long? BytesRead)
{
    /// <summary>Most bytes of a process that does nothing else; null where it was not measured.</summary>
    public long? PeakMemory { get; init; }
}

/// <summary>A configuration that is loaded.</summary>
/// <param name="Contender">What to measure.</param>
/// <param name="Ours">Null for ONNX Runtime.</param>
/// <param name="Owned">Freed at the end, the last one first.</param>
internal sealed record Evaluation(Contender Contender, NetworkRun? Ours, params IDisposable[] Owned) : IDisposable
{
    public void Dispose()
    {
        foreach (IDisposable owned in Owned.Reverse()) owned.Dispose();
    }
}

/// <summary>Measures one network in all configurations, ours and ONNX Runtime's in turn.</summary>
internal sealed class ModelMeasurement(BenchmarkModel model)
{
    public const string OrtFp32 = "ONNX Runtime FP32", OrtInt8 = "ONNX Runtime int8", OrtDynamic = "ONNX Runtime dynamic";

    /// <summary>ONNX Runtime's by their short names.</summary>
    public static readonly IReadOnlyDictionary<string, string> Peers = new Dictionary<string, string>(StringComparer.Ordinal) { ["FP32"] = OrtFp32, ["int8"] = OrtInt8, ["dynamic"] = OrtDynamic };

    /// <summary>One step of five at 4 bits, as in the preset that published allocations suggest (19–27 % of the steps).</summary>
    private const int MixedCycle = 5;

    /// <summary>Ends the names of configurations whose attention multiplies 8 bits, too.</summary>
    public const string Attention8 = "+attention";

    public static readonly string[] Configurations = ["FP32", "W8A8", "W8A8" + Attention8, "W4A8", "W4A8" + Attention8, "W4A4", "mixed"];

    /// <summary>Those that are measured where nothing else is asked for.</summary>
    public static readonly string[] UsualConfigurations = ["FP32", "W8A8", "W4A8", "W4A4", "mixed"];

    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="batch">Images.</param>
    /// <param name="rounds">Turns of each.</param>
    /// <param name="turnMilliseconds">Of a turn.</param>
    /// <param name="configurations">Of <see cref="Configurations"/>.</param>
    /// <param name="peers">Names of ONNX Runtime's configurations.</param>
    /// <param name="processorTime">Instead of the wall clock's.</param>
    public ModelRow[] Measure(int threads, int batch, int rounds, double turnMilliseconds, IReadOnlyCollection<string> configurations, IEnumerable<string> peers, bool processorTime = false)
    {
        var owned = new Stack<IDisposable>();
        try
        {
            var device = new CpuDevice(threads);
            owned.Push(device);
            var fp32 = new NetworkRun(model.Network, model.Bytes, [InterpretedStep.Float32], model, device, batch);
            owned.Push(fp32);
            var collector = new RangeCollector(fp32.Interpreter);
            fp32.Run(collector.Observe);
            var setting = new Setting(device, threads, batch, collector.Ranges, fp32.Vectors());

            var evaluations = new List<Evaluation>();
            // Weights of gigabytes make room for the other side's.
            if (configurations.Contains("FP32")) evaluations.Add(new(new("FP32", fp32.Run), fp32));
            else fp32.Dispose();
            foreach (string configuration in configurations.Where(c => c != "FP32").Concat(peers))
            {
                evaluations.Add(Load(configuration, setting));
                owned.Push(evaluations[^1]);
            }

            Timing[] timings = Turns.Measure([.. evaluations.Select(e => e.Contender)], rounds, turnMilliseconds, processorTime);
            double products = (double)batch * model.MultiplyAccumulates;
            return [.. timings.Zip(evaluations, (t, e) => new ModelRow(model.Name, t.Contender.Configuration, threads, batch, t.Milliseconds, products / t.Milliseconds / 1e6, OfTheLimit(e.Ours, t.Milliseconds, threads),
                Ratio(t, OrtFp32), Ratio(t, OrtInt8), Ratio(t, OrtDynamic), e.Ours is { } ours ? batch * BytesOfMaps(ours) + BytesOfWeights(ours) : null))];

            double? Ratio(Timing timing, string to) => timings.FirstOrDefault(t => t.Contender.Configuration == to) is { } other ? timing.RatioTo(other) : null;
        }
        finally
        {
            while (owned.TryPop(out IDisposable? last)) last.Dispose();
        }
    }

    /// <summary>One configuration without any other, its ranges made up: they decide neither time nor memory.</summary>
    public Evaluation Alone(string configuration, int threads)
    {
        var device = new CpuDevice(threads);
        var range = new ValueRange(-4, 4);
        var ranges = new ActivationRanges(model.Network.Maps.ToDictionary(m => m.Name, _ => range), WholeConvolution.In(model.Network).Values.ToDictionary(w => w.Name, _ => range));
        Evaluation evaluation = Load(configuration, new(device, threads, 1, ranges, new float[model.Network.Embedding.Vectors]));
        return evaluation with { Owned = [device, .. evaluation.Owned] };
    }

    /// <summary>What all configurations of a comparison share.</summary>
    private sealed record Setting(CpuDevice Device, int Threads, int Batch, ActivationRanges Ranges, float[] Vectors);

    private Evaluation Load(string configuration, Setting s)
    {
        if (Peers.Values.Contains(configuration))
        {
            OnnxSession session = NetworkRun.InOnnxRuntime(model, configuration == OrtInt8 ? s.Ranges : null, configuration == OrtDynamic, s.Vectors, s.Threads, s.Batch).Session;
            return new(new(configuration, session.Run), null, session);
        }

        if (configuration == "FP32")
        {
            var real = new NetworkRun(model.Network, model.Bytes, [InterpretedStep.Float32], model, s.Device, s.Batch);
            return new(new(configuration, real.Run), real, real);
        }

        MinMaxQuantization quantized = Quantize(configuration);
        InterpretedStep a8 = quantized.Step(s.Ranges, 8), a4 = quantized.Step(s.Ranges, 4);
        InterpretedStep[] steps = configuration switch
        {
            "W4A4" => [a4],
            "mixed" => [a4, .. Enumerable.Repeat(a8, MixedCycle - 1)],
            _ => [a8],
        };
        var run = new NetworkRun(quantized.Network, quantized.Bytes, steps, model, s.Device, s.Batch);
        return new(new(configuration, () => Repeat(run.Run, steps.Length), steps.Length), run, run);
    }

    private static double? OfTheLimit(NetworkRun? run, double milliseconds, int threads) => run is null || MachineLimits.Here is not { } limits ? null
        : ExecutedProducts.Of(run).Aggregate((a, b) => a + b).MillisecondsAt(limits) / threads / milliseconds;

    /// <summary>Of one image, each as often as an operation reads it.</summary>
    private static long BytesOfMaps(NetworkRun run)
    {
        var maps = run.Interpreter.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        return run.Interpreter.Network.Operations.Sum(o => o.Inputs().Sum(name => maps[name].BytesPerImage));
    }

    /// <summary>Of all operations but tables, of which few rows are read.</summary>
    private static long BytesOfWeights(NetworkRun run)
    {
        var maps = run.Interpreter.Network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        return run.Interpreter.Network.Operations.Where(o => o is not LookupOperation).Sum(o => o.PackedBytes(maps));
    }

    /// <summary>The network in the bits that a configuration's name says.</summary>
    public MinMaxQuantization Quantize(string configuration) => new(model, configuration.StartsWith("W8", StringComparison.Ordinal) ? 8 : 4, configuration.EndsWith(Attention8, StringComparison.Ordinal) ? 8 : 32);

    private static void Repeat(Action run, int times)
    {
        for (int i = 0; i < times; i++) run();
    }
}
