using System.CommandLine;
using Specializer.GpuBenchmarks;
using Specializer.GpuBenchmarks.Report;
using Specializer.Tool;

var device = new Option<string>("--device") { Description = "What to measure; cpu is ILGPU's CPU accelerator and tests this command only.", DefaultValueFactory = _ => "cuda" };
device.AcceptOnlyFromAmong("cuda", "opencl", "cpu");
var index = new Option<int>("--index") { Description = "Which device of that kind, from 0.", DefaultValueFactory = _ => 0 };
var batch = new Option<int[]>("--batch") { Description = "Batch sizes; default 1, 8 and 32, with --quick 1.", AllowMultipleArgumentsPerToken = true };
var quick = new Option<bool>("--quick") { Description = "Tiny shapes and the small model alone; always on with --device cpu." };
var json = new Option<FileInfo?>("--json") { Description = "File that receives every figure, rewritten as they come." };
var minutes = Number.Create("--minutes", "How long the run may take; it ends at most half a minute later. Parts that have no time left are named.", 7.25);
var python = new Option<string>("--python") { Description = "The Python whose torch measures the same layers.", DefaultValueFactory = _ => "python3" };
index.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() < 0) result.AddError("--index must not be negative.");
});
minutes.Validators.Add(result =>
{
    // What is no number is reported already.
    if (result.Tokens is [var token] && Number.TryParse(token.Value, out double value) && value is not (>= 0.1 and <= 600)) result.AddError("--minutes must lie between 0.1 and 600.");
});
batch.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int[]>()?.Any(b => b is < 1 or > 1024) == true) result.AddError("--batch must lie between 1 and 1024.");
});

var command = new RootCommand("Compares Specializer's kernels on a GPU with the CPU, and measures them and whole models, beside PyTorch where that is installed. Ends with 1 when something disagrees, with 3 when a part failed.") { device, index, batch, quick, minutes, json, python };
command.SetAction(result =>
{
    string kind = result.GetRequiredValue(device);
    try
    {
        var figures = new Figures(Console.Out, result.GetValue(json));
        return new Benchmark(kind, result.GetValue(index), quick: result.GetValue(quick) || kind == "cpu", result.GetValue(batch) ?? [], result.GetRequiredValue(python), result.GetValue(minutes), figures).Run();
    }
    catch (Exception e) when (e is Specializer.Ilgpu.DeviceException or IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"error: {e.Message}");
        return 2;
    }
});
return command.Parse(args).Invoke();
