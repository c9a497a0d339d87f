using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Models;
using Specializer.Benchmarks.Report;
using Specializer.Tool;

namespace Specializer.Benchmarks.Commands;

/// <summary>Whole networks, ours and ONNX Runtime's, in one run and in turn.</summary>
internal static class ModelsCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private const string None = "none";

    public static Command Create()
    {
        var networks = new NetworkOptions();
        var json = new Option<FileInfo?>("--json") { Description = "File that receives the rows as JSON." };
        var threads = new Option<int[]>("--threads") { Description = "Numbers of threads.", DefaultValueFactory = _ => [1, 2], AllowMultipleArgumentsPerToken = true };
        var batch = new Option<int[]>("--batch") { Description = "Batch sizes.", DefaultValueFactory = _ => [1, 8], AllowMultipleArgumentsPerToken = true };
        var configurations = new Option<string[]>("--configuration") { Description = $"Ours: {string.Join(", ", ModelMeasurement.Configurations)}.", DefaultValueFactory = _ => ModelMeasurement.UsualConfigurations, AllowMultipleArgumentsPerToken = true };
        configurations.AcceptOnlyFromAmong(ModelMeasurement.Configurations);
        var peers = new Option<string[]>("--beside") { Description = $"ONNX Runtime's: {string.Join(", ", ModelMeasurement.Peers.Keys)}; or {None}.", DefaultValueFactory = _ => ["FP32", "int8"], AllowMultipleArgumentsPerToken = true };
        peers.AcceptOnlyFromAmong([.. ModelMeasurement.Peers.Keys, None]);
        var memory = new Option<bool>("--memory") { Description = "Start each configuration once more in a process of its own, for the most memory that it needs." };
        var rounds = new Option<int>("--rounds") { Description = "Turns of each configuration; half as many for more than one image.", DefaultValueFactory = _ => 9 };
        var turn = Number.Create("--turn", "Milliseconds of a turn, at least three evaluations or two seconds.", 60);
        foreach (Option option in (Option[])[threads, batch, rounds]) option.RequirePositive();
        var processor = new Option<bool>("--processor-time") { Description = "Count processor time instead of the wall clock's: for --threads 1 on a busy machine." };
        var document = new DocumentOptions();
        var command = new Command("models", "Measures whole networks here and in ONNX Runtime, in turn.") { json, threads, batch, configurations, peers, memory, rounds, turn, processor };
        networks.AddTo(command);
        document.AddTo(command);
        command.SetAction(options =>
        {
            // Minutes of work must not end at a missing folder.
            options.GetValue(json)?.Directory!.Create();
            Console.WriteLine(Machine.This);
            Console.WriteLine($"ONNX Runtime {OnnxSession.Version}");
            var rows = new List<ModelRow>();
            foreach (BenchmarkModel network in networks.Networks(options))
            {
                Console.WriteLine($"\n{network.Name}: {(network.MultiplyAccumulates / 1e9).ToString("F2", CultureInfo.InvariantCulture)} GMAC an image");
                foreach (int images in options.GetValue(batch)!)
                {
                    int turns = images == 1 ? options.GetValue(rounds) : (options.GetValue(rounds) + 1) / 2;
                    foreach (int count in options.GetValue(threads)!)
                    {
                        ModelRow[] measured = new ModelMeasurement(network)
                            .Measure(count, images, turns, options.GetValue(turn), options.GetValue(configurations)!, options.GetValue(peers)!.Where(p => p != None).Select(p => ModelMeasurement.Peers[p]), options.GetValue(processor));
                        if (options.GetValue(memory))
                            measured = [.. measured.Select(row => row with { PeakMemory = PeakMemoryCommand.Measure(networks.Arguments(options, network), row.Configuration, count) })];
                        rows.AddRange(measured);
                        Console.WriteLine($"\n{Title(measured[0])}\n\n{Table(measured)}");
                    }
                }
            }

            string versions = $"ONNX Runtime {OnnxSession.Version}{(options.GetValue(processor) ? ", processor time" : "")}";
            if (options.GetValue(json) is { } file)
                File.WriteAllText(file.FullName, JsonSerializer.Serialize(new { machine = Machine.This, onnxRuntime = OnnxSession.Version, rows }, Json));
            var cases = rows.GroupBy(row => (row.Model, row.Batch, row.Threads)).ToArray();
            document.WritePicture(options, "images/performance-models.svg", BarChart.Draw(
                [.. cases.Where(c => c.Key.Batch == 1).Select(c => new BarGroup(Title(c.First()), "ms", [.. c.Select(r => (r.Configuration, r.MsPerStep, Ours(r)))]))]));
            document.Write(options, "models", string.Join("\n", cases.Select(c => $"**{Title(c.First())}**\n\n{Table([.. c])}")), versions);
            return 0;
        });
        return command;
    }

    private static bool Ours(ModelRow row) => !ModelMeasurement.Peers.Values.Contains(row.Configuration);

    private static string Title(ModelRow row) => $"{row.Model}, batch {row.Batch}, {row.Threads} {(row.Threads == 1 ? "thread" : "threads")}";

    private static string Table(IReadOnlyCollection<ModelRow> rows)
    {
        (string Name, Func<ModelRow, object?> Value)[] all =
        [
            ("configuration", row => row.Configuration), ("ms a step", row => row.MsPerStep), ("GMAC/s", row => row.Rate), ("of the limit", row => row.OfTheLimit?.ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal)),
            ("× ORT FP32", row => row.RatioToOrtFp32), ("× ORT int8", row => row.RatioToOrtInt8), ("× ORT dynamic", row => row.RatioToOrtDynamic),
            ("MB read", row => row.BytesRead / 1e6), ("peak MB", row => row.PeakMemory / 1e6),
        ];
        // What was not measured has no column.
        var columns = all.Where(c => rows.Any(row => c.Value(row) is not null)).ToArray();
        var table = new MarkdownTable([.. columns.Select(c => c.Name)]);
        foreach (ModelRow row in rows) table.Add([.. columns.Select(c => c.Value(row))]);
        return table.ToString();
    }
}
