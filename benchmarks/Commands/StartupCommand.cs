using System.CommandLine;
using System.Text.Json;
using Specializer.Benchmarks.Measurement;
using Specializer.Benchmarks.Models;
using Specializer.Benchmarks.Report;

namespace Specializer.Benchmarks.Commands;

/// <summary>How long a user waits for the first image, and how much of that is compilation.</summary>
internal static class StartupCommand
{
    public static Command Create()
    {
        var assembly = new Option<string?>("--assembly") { Description = "Built program that holds a generated sampler; by default the sample's release build." };
        var runs = new Option<int>("--runs") { Description = "Processes to start.", DefaultValueFactory = _ => 7 };
        runs.RequirePositive();
        var document = new DocumentOptions();
        var command = new Command("startup", "Measures fresh processes until their first image.") { assembly, runs };
        document.AddTo(command);
        command.SetAction(options =>
        {
            string path = options.GetValue(assembly)
                ?? Path.Combine(RepositoryFolder.Find("sample-app"), "bin", "Release", "net10.0", "Specializer.SampleApp.dll");
            if (!File.Exists(path))
            {
                Console.Error.WriteLine($"'{path}' does not exist. Build it first: dotnet build sample-app -c Release.");
                return 2;
            }

            Startup[] starts = [.. Enumerable.Range(0, options.GetValue(runs)).Select(_ => Start(Path.GetFullPath(path)))];
            double Median(Func<Startup, double> value) => Statistics.Median([.. starts.Select(value)]);
            var table = new MarkdownTable("from the start of the process", "ms");
            table.Add("first line of the program", Median(s => s.Main));
            table.Add("weights in place", Median(s => s.Loaded));
            table.Add("first image", Median(s => s.FirstImage));
            table.Add("(of this, the JIT)", Median(s => s.Compilation));
            table.Add("second image alone", Median(s => s.SecondImage));
            string text = $"{table}\nMedians of {starts.Length} processes; the JIT compiled {Median(s => s.Methods):F0} methods before the first image.";
            Console.WriteLine(text);
            document.Write(options, "startup", text);
            return 0;
        });
        return command;
    }

    private static Startup Start(string assembly) => JsonSerializer.Deserialize<Startup>(ChildProcess.Run(StartupProbe.Argument, assembly))!;
}
