using System.CommandLine;
using System.Globalization;
using Specializer.Benchmarks.Kernels;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Models;
using Specializer.Benchmarks.Report;
using Specializer.Calibration;
using Specializer.Calibration.Export;

namespace Specializer.Benchmarks.Commands;

/// <summary>Where a step's time goes: by kind of operation, and between operations.</summary>
internal static class LayersCommand
{
    /// <summary>Those of one step: a mixture is none.</summary>
    private static readonly string[] s_configurations = [.. ModelMeasurement.Configurations.Except(["mixed"])];

    private static readonly string[] s_columns = ["operations", "number", "ms", "share", "GMAC/s", "executed", "of the limit"];

    public static Command Create()
    {
        var networks = new NetworkOptions();
        var configurations = new Option<string[]>("--configuration") { Description = $"{string.Join(", ", s_configurations)}.", DefaultValueFactory = _ => ["FP32", "W8A8", "W4A8"], AllowMultipleArgumentsPerToken = true };
        configurations.AcceptOnlyFromAmong(s_configurations);
        var rounds = new Option<int>("--rounds") { Description = "Steps measured.", DefaultValueFactory = _ => 15 };
        var shapes = new Option<bool>("--shapes") { Description = "One thread, a row for each shape. By processor time: right on a busy machine." };
        rounds.RequirePositive();
        var document = new DocumentOptions();
        var command = new Command("layers", "Measures each operation of a step: matrix products against the rest, one thread against two, and the time between operations.") { configurations, rounds, shapes };
        networks.AddTo(command);
        document.AddTo(command);
        command.SetAction(options =>
        {
            Console.WriteLine(Machine.This);
            var parts = new List<string>();
            foreach (BenchmarkModel network in networks.Networks(options))
            {
                foreach (string configuration in options.GetValue(configurations)!)
                {
                    parts.Add(options.GetValue(shapes) ? Shapes(network, configuration, options.GetValue(rounds)) : Kinds(network, configuration, options.GetValue(rounds)));
                    Console.WriteLine($"\n{parts[^1]}");
                }
            }

            parts.Add(string.Create(CultureInfo.InvariantCulture, $"Between operations: handing work to two threads, until both have met in it and returned, takes {LayerTimes.HandOver():F1} µs."));
            Console.WriteLine($"\n{parts[^1]}");
            document.Write(options, "layers", string.Join("\n", parts));
        });
        return command;
    }

    private static string Shapes(BenchmarkModel model, string configuration, int rounds)
    {
        var (layers, step) = Measure(model, configuration, 1, rounds, byShape: true, out string memory);
        LayerTime sum = layers.Aggregate(LayerTimes.Sum);
        var table = new MarkdownTable(s_columns);
        foreach (LayerTime l in layers.OrderByDescending(l => l.Milliseconds)) table.Add(Row(l.Shape.Length > 0 ? l.Shape : Name(l.Kind), l, sum));
        table.Add("(softmax, of attention)", null, sum.Softmax, Percent(sum.Softmax / sum.Milliseconds), null, null, null);
        table.Add("whole step", null, step, null, sum.MultiplyAccumulates / step / 1e6, Executed(sum), OfTheLimit(sum with { Milliseconds = step }));
        return $"**{model.Name}, {configuration}, batch 1, 1 thread**: processor time. {Parts(layers)} {memory}\n\n{table}";
    }

    private static string Kinds(BenchmarkModel model, string configuration, int rounds)
    {
        var (one, step1) = Measure(model, configuration, 1, rounds, byShape: false, out string memory);
        var (two, step2) = Measure(model, configuration, 2, rounds, byShape: false, out _);
        LayerTime sum1 = one.Aggregate(LayerTimes.Sum), sum2 = two.Aggregate(LayerTimes.Sum);
        var table = new MarkdownTable([.. s_columns, "ms, 2 threads", "speed-up"]);
        foreach (var (l, other) in one.Zip(two)) table.Add([.. Row(Name(l.Kind), l, sum1), other.Milliseconds, l.Milliseconds / other.Milliseconds]);
        table.Add("(softmax, of attention)", null, sum1.Softmax, Percent(sum1.Softmax / sum1.Milliseconds), null, null, null, null, null);
        table.Add([.. Row("sum", sum1, sum1), sum2.Milliseconds, sum1.Milliseconds / sum2.Milliseconds]);
        table.Add("whole step", null, step1, null, sum1.MultiplyAccumulates / step1 / 1e6, Executed(sum1), OfTheLimit(sum1 with { Milliseconds = step1 }), step2, step1 / step2);
        return $"**{model.Name}, {configuration}, batch 1**: {Parts(one)} {memory}\n\n{table}";
    }

    private static object?[] Row(string name, LayerTime l, LayerTime sum) =>
    [
        name, l.Count, l.Milliseconds, Percent(l.Milliseconds / sum.Milliseconds), l.MultiplyAccumulates > 0 && l.Milliseconds > 0 ? l.MultiplyAccumulates / l.Milliseconds / 1e6 : null,
        Executed(l), OfTheLimit(l),
    ];

    /// <summary>Products that are made for each that the network asks for.</summary>
    private static double? Executed(LayerTime l) => l.Executed.All > 0 ? l.Executed.All / l.MultiplyAccumulates : null;

    /// <summary>Of one thread's time the part in which the products could have been made at their instructions' limits.</summary>
    private static string? OfTheLimit(LayerTime l) =>
        MachineLimits.Here is { } limits && l.Executed.All > 0 && l.Milliseconds > 0 ? Percent(l.Executed.MillisecondsAt(limits) / l.Milliseconds) : null;

    /// <summary>The three parts of a step's time on one thread.</summary>
    private static string Parts(LayerTime[] layers)
    {
        LayerTime matrices = layers.Where(l => l.IsMatrixWork).Aggregate(LayerTimes.Sum);
        matrices = matrices with { Milliseconds = matrices.Milliseconds - matrices.Softmax };
        double all = layers.Sum(l => l.Milliseconds);
        string limit = MachineLimits.Here is not { } limits ? "" : string.Create(CultureInfo.InvariantCulture,
            $", at {OfTheLimit(matrices)} of the limit over all its products ({limits.Float32.Best:F0} GMAC/s in FP32, {limits.Word.Best:F0} by words, {limits.Byte.Best:F0} by bytes)");
        return $"{Percent(matrices.Milliseconds / all)} of the time is matrix work{limit}, {Percent(matrices.Softmax / all)} softmax, {Percent(1 - (matrices.Milliseconds + matrices.Softmax) / all)} neither.";
    }

    private static (LayerTime[] Layers, double Step) Measure(BenchmarkModel model, string configuration, int threads, int rounds, bool byShape, out string memory)
    {
        using var device = new CpuDevice(threads);
        using var fp32 = new NetworkRun(model.Network, model.Bytes, [InterpretedStep.Float32], model, device, 1);
        var collector = new RangeCollector(fp32.Interpreter);
        fp32.Run(collector.Observe);
        using NetworkRun? quantized = configuration == "FP32" ? null : Quantized();
        NetworkRun run = quantized ?? fp32;
        var plan = run.Interpreter.Plan;
        memory = string.Create(CultureInfo.InvariantCulture,
            $"Working memory of an image: {plan.BytesPerImage / 1024.0:F0} KB, {(double)plan.BytesPerImage / plan.LiveBytesPerImage:F2} × the largest sum of tensors that live at the same time.");
        LayerTime[] layers = LayerTimes.Measure(run, rounds, byShape, processorTime: byShape);
        return (layers, Turns.Measure([new(configuration, run.Run)], 5, 40, processorTime: byShape)[0].Milliseconds);

        NetworkRun Quantized()
        {
            MinMaxQuantization quantization = new ModelMeasurement(model).Quantize(configuration);
            return new(quantization.Network, quantization.Bytes, [quantization.Step(collector.Ranges, configuration == "W4A4" ? 4 : 8)], model, device, 1);
        }
    }

    private static string Name(LayerKind kind) => kind switch
    {
        LayerKind.Convolution3x3 => "convolution 3×3",
        LayerKind.Convolution1x1 => "convolution 1×1",
        LayerKind.Attention => "attention",
        LayerKind.GroupNorm => "group norm",
        LayerKind.Quantize => "quantize",
        LayerKind.Other => "other",
        _ => "embedding",
    };

    private static string Percent(double share) => share.ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal);
}
