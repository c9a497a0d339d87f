using System.CommandLine;
using SampleApp;

// Draws digits twice from the same noise: with the sampler that `dotnet build` specialized for the calibrated model, and with the FP32
// network it came from. Everything a program of your own needs is in the first ten lines of Comparison.Run.
var label = new Option<int?>("--label") { Description = "Draw only this digit (0 to 9); default: all of them in turn." };
var count = new Option<int>("--count") { Description = "Number of images.", DefaultValueFactory = _ => 64 };
var seed = new Option<ulong>("--seed") { Description = "Seed of the noise.", DefaultValueFactory = _ => 0 };
var guidance = new Option<float?>("--guidance") { Description = "Classifier-free guidance scale; default: the one that was compiled in." };
var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all.", DefaultValueFactory = _ => 0 };
var output = new Option<FileInfo>("--out") { Description = "Picture of the quantized samples.", DefaultValueFactory = _ => new("samples.png") };
var json = new Option<FileInfo?>("--json") { Description = "Write every printed figure to this file." };
var device = new Option<string>("--device") { Description = "Where the quantized sampler runs.", DefaultValueFactory = _ => "cpu" };
device.AcceptOnlyFromAmong("cpu", "cuda", "opencl");
count.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() is < 1 or > 10_000) result.AddError("--count must lie between 1 and 10000.");
});
threads.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() is < 0 or > 1024) result.AddError("--threads must lie between 0 and 1024.");
});

var command = new RootCommand("Draws handwritten digits with a quantized diffusion model and compares them with the FP32 network's.")
{
    label, count, seed, guidance, threads, output, json, device,
};
command.SetAction(async (result, cancellation) =>
{
    try
    {
        // On a thread of its own, so that Ctrl-C is heard.
        await Task.Run(() => Comparison.Run(
            new(result.GetValue(label), result.GetValue(count), result.GetValue(seed), result.GetValue(guidance), result.GetValue(threads),
                result.GetRequiredValue(output), result.GetValue(json), result.GetRequiredValue(device)),
            cancellation));
        return 0;
    }
    catch (OperationCanceledException)
    {
        Console.Error.WriteLine("Cancelled.");
        return 130;
    }
    catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException or NotSupportedException or Specializer.SamplerMismatchException)
    {
        Console.Error.WriteLine($"error: {e.Message}");
        return 2;
    }
});
return await command.Parse(args).InvokeAsync();
