using Specializer.Benchmarks.Models;
using Specializer.Calibration;
using Specializer.Calibration.Export;

namespace Specializer.Benchmarks.Measurement;

/// <summary>One line of the comparison.</summary>
/// <param name="Model">Which network.</param>
/// <param name="Configuration">Ours by bits, or ONNX Runtime's.</param>
/// <param name="Threads">Threads, the caller's included.</param>
/// <param name="Batch">Images evaluated together.</param>
/// <param name="MsPerStep">Milliseconds of one evaluation of the whole batch.</param>
/// <param name="RatioToOrtFp32">Above 1 where this is faster.</param>
/// <param name="RatioToOrtInt8">Above 1 where this is faster.</param>
internal sealed record ModelRow(string Model, string Configuration, int Threads, int Batch, double MsPerStep, double RatioToOrtFp32, double RatioToOrtInt8);

/// <summary>Measures one network in all configurations, ours and ONNX Runtime's in turn.</summary>
internal sealed class ModelMeasurement(BenchmarkModel model)
{
    public const string OrtFp32 = "ONNX Runtime FP32", OrtInt8 = "ONNX Runtime int8";

    /// <summary>One step of five at 4 bits, as in the preset that published allocations suggest (19–27 % of the steps).</summary>
    private const int MixedCycle = 5;

    /// <summary>Ends the names of configurations whose attention multiplies 8 bits, too.</summary>
    public const string Attention8 = "+attention";

    public static readonly string[] Configurations = ["FP32", "W8A8", "W8A8" + Attention8, "W4A8", "W4A8" + Attention8, "W4A4", "mixed"];

    /// <summary>Those that are measured where nothing else is asked for.</summary>
    public static readonly string[] UsualConfigurations = ["FP32", "W8A8", "W4A8", "W4A4", "mixed"];

    public ModelRow[] Measure(int threads, int batch, int rounds, double turnMilliseconds, IReadOnlyCollection<string> configurations, bool processorTime = false)
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
            ActivationRanges ranges = collector.Ranges;
            float[] vectors = fp32.Vectors();

            var contenders = new List<Contender>();
            foreach (string configuration in configurations)
            {
                if (configuration == "FP32")
                {
                    contenders.Add(new(configuration, fp32.Run));
                    continue;
                }

                MinMaxQuantization quantized = Quantize(configuration);
                InterpretedStep a8 = quantized.Step(ranges, 8), a4 = quantized.Step(ranges, 4);
                InterpretedStep[] steps = configuration switch
                {
                    "W4A4" => [a4],
                    "mixed" => [a4, .. Enumerable.Repeat(a8, MixedCycle - 1)],
                    _ => [a8],
                };
                var run = new NetworkRun(quantized.Network, quantized.Bytes, steps, model, device, batch);
                owned.Push(run);
                contenders.Add(new(configuration, () => Repeat(run.Run, steps.Length), steps.Length));
            }

            // Weights of gigabytes make room for the other side's.
            if (!configurations.Contains("FP32")) fp32.Dispose();
            foreach (var (name, range) in ((string, ActivationRanges?)[])[(OrtFp32, null), (OrtInt8, ranges)])
            {
                OnnxSession session = NetworkRun.InOnnxRuntime(model, range, vectors, threads, batch).Session;
                owned.Push(session);
                contenders.Add(new(name, session.Run));
            }

            Timing[] timings = Turns.Measure(contenders, rounds, turnMilliseconds, processorTime);
            Timing ortFp32 = Find(timings, OrtFp32), ortInt8 = Find(timings, OrtInt8);
            return [.. timings.Select(t => new ModelRow(model.Name, t.Contender.Configuration, threads, batch, t.Milliseconds, t.RatioTo(ortFp32), t.RatioTo(ortInt8)))];
        }
        finally
        {
            while (owned.TryPop(out IDisposable? last)) last.Dispose();
        }
    }

    /// <summary>The network in the bits that a configuration's name says.</summary>
    public MinMaxQuantization Quantize(string configuration) => new(model, configuration.StartsWith("W8", StringComparison.Ordinal) ? 8 : 4, configuration.EndsWith(Attention8, StringComparison.Ordinal) ? 8 : 32);

    private static void Repeat(Action run, int times)
    {
        for (int i = 0; i < times; i++) run();
    }

    private static Timing Find(Timing[] timings, string configuration) => timings.First(t => t.Contender.Configuration == configuration);
}
