using System.CommandLine;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Models;
using Specializer.Benchmarks.OnnxRuntime;
using Specializer.Benchmarks.Report;
using Specializer.Tool;

namespace Specializer.Benchmarks.Commands;

/// <summary>Whole networks, ours and ONNX Runtime's, in one run and in turn.</summary>
internal static class ModelsCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static Command Create()
    {
        var model = new Option<string[]>("--model") { Description = $"Which networks: {string.Join(", ", BenchmarkModel.Names)}. All by default.", AllowMultipleArgumentsPerToken = true };
        var json = new Option<FileInfo?>("--json") { Description = "File that receives the rows as JSON." };
        var threads = new Option<int[]>("--threads") { Description = "Numbers of threads.", DefaultValueFactory = _ => [1, 2], AllowMultipleArgumentsPerToken = true };
        var batch = new Option<int[]>("--batch") { Description = "Batch sizes.", DefaultValueFactory = _ => [1, 8], AllowMultipleArgumentsPerToken = true };
        var configurations = new Option<string[]>("--configuration") { Description = $"Ours: {string.Join(", ", ModelMeasurement.Configurations)}.", DefaultValueFactory = _ => ModelMeasurement.Configurations, AllowMultipleArgumentsPerToken = true };
        configurations.AcceptOnlyFromAmong(ModelMeasurement.Configurations);
        model.AcceptOnlyFromAmong(BenchmarkModel.Names);
        var rounds = new Option<int>("--rounds") { Description = "Turns of each configuration; half as many for more than one image.", DefaultValueFactory = _ => 9 };
        var turn = Number.Create("--turn", "Milliseconds of a turn, at least three evaluations.", 60);
        foreach (Option option in (Option[])[threads, batch, rounds]) option.RequirePositive();
        var avx2 = new Option<bool>("--avx2") { Description = "Both sides without AVX-512; to be started with DOTNET_EnableAVX512=0." };
        var processor = new Option<bool>("--processor-time") { Description = "Count processor time instead of the wall clock's: for --threads 1 on a busy machine." };
        var document = new DocumentOptions();
        var command = new Command("models", "Measures whole networks here and in ONNX Runtime, in turn.") { model, json, threads, batch, configurations, rounds, turn, avx2, processor };
        document.AddTo(command);
        command.SetAction(options =>
        {
            bool restricted = options.GetValue(avx2);
            if (restricted && Avx512BW.IsSupported)
            {
                Console.Error.WriteLine("--avx2 needs the environment variable DOTNET_EnableAVX512=0, or our side would use AVX-512.");
                return 2;
            }

            // Minutes of work must not end at a missing folder.
            options.GetValue(json)?.Directory!.Create();
            OnnxRuntimeLibrary? onnxRuntime = OnnxRuntimeLibrary.TryLoad(restricted);
            Console.WriteLine(Machine.This);
            Console.WriteLine(onnxRuntime is null
                ? "ONNX Runtime is not installed, so only our side is measured; benchmarks/install-onnxruntime.sh installs it."
                : $"ONNX Runtime {onnxRuntime.Version}{(restricted ? ", both sides without AVX-512" : "")}");
            var rows = new List<ModelRow>();
            string[] names = options.GetValue(model) is { Length: > 0 } chosen ? chosen : BenchmarkModel.Names;
            foreach (string name in names)
            {
                BenchmarkModel network = BenchmarkModel.Load(name);
                Console.WriteLine($"\n{name}: {(network.MultiplyAccumulates / 1e9).ToString("F2", CultureInfo.InvariantCulture)} GMAC an image");
                foreach (int images in options.GetValue(batch)!)
                {
                    int turns = images == 1 ? options.GetValue(rounds) : (options.GetValue(rounds) + 1) / 2;
                    foreach (int count in options.GetValue(threads)!)
                    {
                        ModelRow[] measured = new ModelMeasurement(network, onnxRuntime)
                            .Measure(count, images, turns, options.GetValue(turn), options.GetValue(configurations)!, options.GetValue(processor));
                        rows.AddRange(measured);
                        Console.WriteLine($"\n{Title(measured[0])}\n\n{Table(measured)}");
                    }
                }
            }

            string? versions = onnxRuntime is null ? null : $"ONNX Runtime {onnxRuntime.Version}";
            if (options.GetValue(processor)) versions = $"{versions ?? "no ONNX Runtime"}, processor time";
            string section = restricted ? "models-avx2" : "models";
            if (options.GetValue(json) is { } file)
                File.WriteAllText(file.FullName, JsonSerializer.Serialize(new { machine = Machine.This, onnxRuntime = onnxRuntime?.Version, rows }, Json));
            var cases = rows.GroupBy(row => (row.Model, row.Batch, row.Threads)).ToArray();
            document.WritePicture(options, $"images/performance-{section}.svg", BarChart.Draw(
                [.. cases.Where(c => c.Key.Batch == 1).Select(c => new BarGroup(Title(c.First()), "ms", [.. c.Select(r => (r.Configuration, r.MsPerStep, Ours(r)))]))]));
            document.Write(options, section, string.Join("\n", cases.Select(c => $"**{Title(c.First())}**\n\n{Table(c)}")), versions);
            return 0;
        });
        return command;
    }

    private static bool Ours(ModelRow row) => row.Configuration is not (ModelMeasurement.OrtFp32 or ModelMeasurement.OrtInt8);

    private static string Title(ModelRow row) => $"{row.Model}, batch {row.Batch}, {row.Threads} {(row.Threads == 1 ? "thread" : "threads")}";

    private static string Table(IEnumerable<ModelRow> rows)
    {
        var table = new MarkdownTable("configuration", "ms a step", "× ORT FP32", "× ORT int8");
        foreach (ModelRow row in rows) table.Add(row.Configuration, row.MsPerStep, row.RatioToOrtFp32, row.RatioToOrtInt8);
        return table.ToString();
    }
}
