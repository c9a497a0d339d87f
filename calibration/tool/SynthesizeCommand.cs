using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration.Conversion;

namespace Specializer.Tool;

/// <summary><c>specializer synthesize</c>: a published model at full size, with random weights.</summary>
internal static class SynthesizeCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("name") { HelpName = "model", Description = $"One of {string.Join(", ", Synthesizer.Models)}." };
        model.AcceptOnlyFromAmong([.. Synthesizer.Models]);
        var output = new Option<DirectoryInfo>("--out") { Description = "Folder to write; must not exist, or be empty.", Required = true };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the weights: the same seed gives the same bytes." };
        var json = new Option<bool>("--json") { Description = "Print what was written as JSON." };
        var command = new Command("synthesize", "Writes a model of full size in diffusers' layout, with seeded random weights in F16: for trying out what it costs, without a download.") { model, output, seed, json };
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            var clock = Stopwatch.StartNew();
            string folder = result.GetRequiredValue(output).FullName;
            long bytes;
            using (var progress = new ProgressLine()) bytes = Synthesizer.Write(result.GetRequiredValue(model), folder, result.GetValue(seed), progress, cancellation);
            double seconds = clock.Elapsed.TotalSeconds;
            Console.WriteLine(result.GetValue(json) ? CommandJson.Serialize(new { folder, bytes, seconds }) : string.Create(CultureInfo.InvariantCulture, $"Wrote {folder}: {bytes:N0} bytes, {seconds:F1} s"));
            return ExitCode.Success;
        })));
        return command;
    }
}
