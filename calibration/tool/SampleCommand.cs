using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Formats;

namespace Specializer.Tool;

/// <summary><c>specializer sample</c>: pictures of a model folder, in FP32.</summary>
internal static class SampleCommand
{
    private const int Columns = 8;
    // Of smaller pictures, to look at.
    private const int Side = 256;

    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("model") { Description = "Model folder in diffusers' layout: a pipeline, or a network that draws pictures itself." };
        var output = new Option<FileInfo>("--out") { Description = "PNG file to write.", Required = true };
        var prompt = new Option<string[]>("--prompt") { Description = "What to draw; several give a picture each.", AllowMultipleArgumentsPerToken = true };
        var negative = new Option<string?>("--negative") { Description = "What guidance leads away from; nothing when absent." };
        Option<FileInfo?> contexts = ContextsOption.Create();
        var label = new Option<int[]>("--label") { Description = "Class to draw; several give a picture each.", AllowMultipleArgumentsPerToken = true };
        var nullLabel = new Option<int?>("--null-label") { Description = "Label that means \"none\" for guidance, in a model with classes." };
        var guidance = Number.Create("--guidance", "Guidance scale; 1, which is none, when absent. A network that reads the scale itself is told it, 8.5 when absent.");
        var steps = new Option<int>("--steps") { Description = "Denoising steps.", DefaultValueFactory = _ => 25 };
        var scheduler = new Option<string?>("--scheduler") { HelpName = "class", Description = "Scheduler, such as DPMSolverMultistepScheduler; the model's own when absent." };
        scheduler.CompletionSources.Add([.. Float32Sampler.Schedulers]);
        var eta = new Option<double?>("--eta") { Description = "η of DDIM, or γ of TCD, 0 to 1; the scheduler's own when absent." };
        var image = new Option<FileInfo?>("--image") { Description = "PNG file to begin with in place of noise, as large as what is drawn." };
        var mask = new Option<FileInfo?>("--mask") { Description = "PNG file of that size: what is white in it is drawn anew, what is black is kept." };
        var strength = Number.Create("--strength", "How much of the image is drawn anew, above 0, up to 1.", GivenPicture.UsualStrength);
        Option<(int Height, int Width)?> size = SizeOption.Create();
        Option<int> clipSkip = ClipSkipOption.Create();
        var count = new Option<int?>("--count") { Description = "Pictures; one for each prompt, context or label when absent." };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the noise." };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all." };
        var json = new Option<bool>("--json") { Description = "Print what was written as JSON." };
        var command = new Command("sample", "Draws pictures in FP32 from a model folder.")
        {
            folder, output, prompt, negative, contexts, label, nullLabel, guidance, steps, scheduler, eta, image, mask, strength, size, clipSkip, count, seed, threads, json,
        };
        // A task of its own: Ctrl+C is heard only once the action has returned one.
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            string[] prompts = result.GetValue(prompt) ?? [];
            int[] labels = result.GetValue(label) ?? [];
            GivenContexts? read = ContextsOption.In(result, contexts);
            var options = new Float32SampleOptions
            {
                Count = result.GetValue(count) ?? Math.Max(Math.Max(1, read?.Count ?? prompts.Length), labels.Length), Seed = result.GetValue(seed), Prompts = prompts,
                NegativePrompt = result.GetValue(negative), Contexts = read, Labels = labels, Guidance = (float)(result.GetValue(guidance) ?? 1),
            };
            GivenPicture? given = GivenPicture.Read(result.GetValue(image), result.GetValue(mask), result.GetValue(strength));
            FileInfo file = result.GetRequiredValue(output);
            OutputFile.Prepare(file);
            ImportedModel model = PipelineImporter.Load(result.GetRequiredValue(folder).FullName, nullLabel: result.GetValue(nullLabel), encoder: given is not null, size: result.GetValue(size), clipSkip: result.GetValue(clipSkip), tokens: read?.Tokens);
            if (model.EmbeddedGuidance is { } usual) (model, options) = (model with { EmbeddedGuidance = result.GetValue(guidance) ?? usual }, options with { Guidance = 1 });
            TextWriter text = result.GetValue(json) ? TextWriter.Null : Console.Out;
            text.WriteLine(ModelText.Describe(model));
            foreach (string remark in ModelText.Remarks(model)) text.WriteLine(remark);
            MemoryNeed.Say("drawing", given is null ? WorkingMemory.OfDrawing(model, options.Count) : WorkingMemory.OfInterpreting(model), "--size HEIGHTxWIDTH draws smaller pictures.");
            using var device = new CpuDevice(result.GetValue(threads));
            var clock = new Stopwatch();
            var line = new StatusLine();
            var progress = new DrawingLine(line);
            ImageBatch images = given is null ? Draw() : given.Draw(model, options, result.GetValue(scheduler), result.GetValue(steps), result.GetValue(eta), device, clock, progress, cancellation);
            line.Clear();
            ImageGrid.Write(file.FullName, images.EnlargeTo(Side), Columns);
            double seconds = clock.Elapsed.TotalSeconds;
            if (result.GetValue(json)) Console.WriteLine(CommandJson.Serialize(new { file = file.FullName, images = images.Count, images.Height, images.Width, images.Channels, seconds, device = device.Name }));
            text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Wrote {file.FullName}: {images.Count} of {images.Height}×{images.Width}×{images.Channels}, {seconds:F1} s on {device.Name}"));
            return ExitCode.Success;

            ImageBatch Draw()
            {
                using Float32Sampler sampler = Float32Sampler.Create(model, result.GetValue(scheduler), result.GetValue(steps), result.GetValue(eta), device);
                clock.Start();
                return sampler.Draw(options, progress, cancellation);
            }
        })));
        return command;
    }
}
