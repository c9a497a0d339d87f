using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using SampleApp;
using Specializer.Ilgpu;

// Draws twice from the same noise: with the sampler that `dotnet build` specialized for the calibrated model, and with the FP32
// network it came from. A program of your own needs two places of it: where ShownModel loads the sampler, and where Drawing draws with it.
var prompts = new Argument<string[]>("prompts") { Description = "What to draw, a picture each, in quotes where it is several words. Default: a list of 24.", Arity = ArgumentArity.ZeroOrMore };
var model = new Option<string>("--model") { Description = "What draws: emoji from prompts, or handwritten digits.", DefaultValueFactory = _ => ShownModel.Emoji };
model.AcceptOnlyFromAmong(ShownModel.Emoji, ShownModel.Digits);
var scheduler = new Option<string?>("--scheduler") { Description = "Which of the emoji's two artefacts draws. Default: ddim." };
scheduler.AcceptOnlyFromAmong("ddim", "dpmsolver++");
var label = new Option<int?>("--label") { HelpName = "digit", Description = "With --model digits, draw only this digit, 0 to 9. Default: all of them in turn." };
var count = new Option<int?>("--count") { HelpName = "images", Description = "Number of images, 1 to 10000. Default: one for each prompt, or 64 digits." };
var seed = new Option<ulong>("--seed") { HelpName = "number", Description = "Seed of the noise. The same seed draws the same images on any machine. The models were calibrated on images of seed 0.", DefaultValueFactory = _ => 1 };
var guidance = new Option<float?>("--guidance")
{
    HelpName = "scale", Description = "Classifier-free guidance, within the interval that was calibrated. Default: the scale that was compiled in.",
    CustomParser = result => ParseScale(result.Tokens.Single().Value, result.AddError),
};
var threads = new Option<int>("--threads") { HelpName = "number", Description = "CPU threads; 0 for one for each processor.", DefaultValueFactory = _ => 0 };
var output = new Option<FileInfo>("--out") { HelpName = "file", Description = "Picture of the quantized samples. Beside it, compare.png shows FP32 rows above quantized ones.", DefaultValueFactory = _ => new("samples.png") };
var json = new Option<FileInfo?>("--json") { HelpName = "file", Description = "Also write every printed figure to this file." };
var nearest = new Option<FileInfo?>("--nearest") { HelpName = "file", Description = "Training pictures of the emoji model, emoji64.npz: says for each prompt whether one of that caption is among the five nearest." };
var device = new Option<string>("--device") { Description = "Where the quantized sampler runs; the FP32 network runs on the CPU. ilgpu-cpu is a slow test of the GPUs' kernels.", DefaultValueFactory = _ => "cpu" };
device.AcceptOnlyFromAmong("cpu", "cuda", "opencl", "ilgpu-cpu");
Limit(label, 0, 9);
Limit(count, 1, 10_000);
Limit(threads, 0, 1024);

var command = new RootCommand("Draws with a quantized diffusion model and compares the pictures with the FP32 network's.")
{
    prompts, model, scheduler, label, count, seed, guidance, threads, output, json, nearest, device,
};
command.SetAction(async (result, cancellation) =>
{
    try
    {
        // On a thread of its own, so that Ctrl-C is heard.
        await Task.Run(() => Comparison.Run(
            new(result.GetRequiredValue(model), result.GetValue(scheduler), result.GetValue(prompts) ?? [], result.GetValue(label), result.GetValue(count), result.GetValue(seed), result.GetValue(guidance), result.GetValue(threads),
                result.GetRequiredValue(output), result.GetValue(json), result.GetValue(nearest), result.GetRequiredValue(device)),
            cancellation));
        return 0;
    }
    catch (OperationCanceledException)
    {
        Console.Error.WriteLine("Cancelled. No picture was written.");
        return 130;
    }
    catch (DeviceException e)
    {
        Console.Error.WriteLine($"error: {e.Message}");
        return 2;
    }
    catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException or NotSupportedException or InvalidDataException or Specializer.SamplerMismatchException)
    {
        // The name of a method's parameter means nothing here.
        Console.Error.WriteLine($"error: {(e is ArgumentException { ParamName: { } name } ? e.Message.Replace($" (Parameter '{name}')", "") : e.Message)}");
        return 2;
    }
});
ParseResult parsed = command.Parse(args);
// The error alone: help is long, and would push it off the screen.
if (parsed.Action is ParseErrorAction mistake) mistake.ShowHelp = false;
int exitCode = await parsed.InvokeAsync();
if (parsed.Errors.Count == 0) return exitCode;
Console.Error.WriteLine("--help shows what there is.");
return 2;

// The parser's own conversion takes a comma for a separator of thousands, and 0,2 for 2.
static float? ParseScale(string text, Action<string> error)
{
    if (float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float scale)) return scale;
    error($"--guidance is '{text}'; it must be a number like 1.5.");
    return null;
}

// What is no number the parser reports by itself.
static void Limit(Option option, int least, int most) => option.Validators.Add(result =>
{
    if (result.Tokens is [var token] && int.TryParse(token.Value, out int value) && (value < least || value > most))
        result.AddError($"{option.Name} must lie between {least} and {most}.");
});
