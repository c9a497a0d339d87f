using System.CommandLine;
using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using Specializer.Benchmarks.Kernels;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Report;

namespace Specializer.Benchmarks.Commands;

/// <summary>Each kernel and shape by BenchmarkDotNet, beside what the machine could do at most.</summary>
internal static class KernelsCommand
{
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "Shorter, less steady." };
        var filter = new Option<string?>("--filter") { Description = "Only kernels whose class name begins so: Convolution, Norm, Attention." };
        var document = new DocumentOptions();
        var command = new Command("kernels", "Measures single kernels on one thread, and the machine's limits by loops that stay in registers.") { quick, filter };
        document.AddTo(command);
        command.SetAction(options =>
        {
            Console.WriteLine(Machine.This);
            MachineLimits limits = MachineLimits.Measure();
            Job job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(2)
                .WithIterationCount(options.GetValue(quick) ? 8 : 25).WithIterationTime(TimeInterval.FromMilliseconds(options.GetValue(quick) ? 10 : 25));
            IConfig config = ManualConfig.CreateEmpty().AddJob(job).AddLogger(NullLogger.Instance).AddColumnProvider(DefaultColumnProviders.Instance)
                .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "specializer-benchmarks"));
            var parts = new List<string> { Limits(limits) };
            Console.WriteLine($"\n{parts[0]}");
            (Type Type, Func<Summary, string> Table)[] classes =
            [
                (typeof(ConvolutionBenchmarks), summary => Convolutions(summary, limits)),
                (typeof(NormBenchmarks), Norms),
                (typeof(AttentionBenchmarks), summary => Attentions(summary, limits)),
            ];
            foreach (var (type, table) in classes)
            {
                if (!type.Name.StartsWith(options.GetValue(filter) ?? "", StringComparison.OrdinalIgnoreCase)) continue;
                Summary summary = BenchmarkRunner.Run(type, config);
                if (summary.HasCriticalValidationErrors || summary.Reports.Any(r => !r.Success))
                    throw new InvalidOperationException($"{type.Name} did not run: {Failure(summary)}");
                parts.Add(table(summary));
                Console.WriteLine($"\n{parts[^1]}");
            }

            document.Write(options, "kernels", string.Join("\n", parts));
        });
        return command;
    }

    private static string Failure(Summary summary) => summary.Reports.FirstOrDefault(r => !r.Success)?.BenchmarkCase.DisplayInfo
        ?? string.Join("; ", summary.ValidationErrors.Select(e => e.Message));

    private static string Limits(MachineLimits limits)
    {
        var table = new MarkdownTable("limit of one core, GMAC/s", "256 bits", "512 bits", "AVX-VNNI");
        foreach (var (name, rates) in ((string, MachineLimits.Rates)[])[("FP32 FMA", limits.Float32), ("vpmaddwd + vpaddd", limits.Word), ("vpmaddubsw + vpaddw", limits.Byte)])
            table.Add(name, rates.Bits256, rates.Bits512 > 0 ? rates.Bits512 : null, rates.Vnni > 0 ? rates.Vnni : null);
        return table.ToString();
    }

    private static string Convolutions(Summary summary, MachineLimits limits)
    {
        var table = new MarkdownTable("convolution", "bits", "form", "µs", "GMAC/s", "of the limit");
        ConvolutionCase[] shapes = [.. ConvolutionBenchmarks.Shapes];
        var order = summary.Reports.OrderBy(r => Array.IndexOf(shapes, Parameter(r, nameof(ConvolutionBenchmarks.Shape))))
            .ThenBy(r => Array.IndexOf(ConvolutionBenchmarks.AllBits, Parameter(r, nameof(ConvolutionBenchmarks.Bits))));
        foreach (BenchmarkReport report in order)
        {
            var shape = (ConvolutionCase)Parameter(report, nameof(ConvolutionBenchmarks.Shape));
            var bits = (string)Parameter(report, nameof(ConvolutionBenchmarks.Bits));
            double rate = shape.MultiplyAccumulates / Nanoseconds(report);
            (string form, ExecutedProducts products) = ConvolutionBenchmarks.Form(shape, bits);
            table.Add(shape, bits, form, Nanoseconds(report) / 1000, rate, Percent(1e6 * products.MillisecondsAt(limits) / Nanoseconds(report)));
        }

        return table.ToString();
    }

    private static string Norms(Summary summary)
    {
        var table = new MarkdownTable("group norm, SiLU", "writes", "µs", "Gelements/s");
        foreach (BenchmarkReport report in summary.Reports)
        {
            int size = (int)Parameter(report, nameof(NormBenchmarks.Size)), channels = (int)Parameter(report, nameof(NormBenchmarks.Channels));
            table.Add($"{size}²×{channels}", Parameter(report, nameof(NormBenchmarks.Output)), Nanoseconds(report) / 1000, size * size * channels / Nanoseconds(report));
        }

        return table.ToString();
    }

    private static string Attentions(Summary summary, MachineLimits limits)
    {
        var table = new MarkdownTable("attention", "µs", "GMAC/s", "of the limit");
        foreach (BenchmarkReport report in summary.Reports)
        {
            var shape = (AttentionCase)Parameter(report, nameof(AttentionBenchmarks.Shape));
            double rate = shape.MultiplyAccumulates / Nanoseconds(report);
            table.Add(shape, Nanoseconds(report) / 1000, rate, Percent(rate / limits.Float32.Best));
        }

        return table.ToString();
    }

    private static object Parameter(BenchmarkReport report, string name) => report.BenchmarkCase.Parameters[name];

    /// <summary>Of the fastest iteration, for disturbances only ever add.</summary>
    private static double Nanoseconds(BenchmarkReport report) => report.ResultStatistics!.Min;

    private static string Percent(double share) => share.ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal);
}
