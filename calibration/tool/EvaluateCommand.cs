using System.CommandLine;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Reporting;

namespace Specializer.Tool;

/// <summary><c>specializer evaluate</c>: an artefact beside FP32 and beside what it would be with less.</summary>
internal static class EvaluateCommand
{
    private const int QuickImages = 64;

    public static Command Create()
    {
        var folder = new Argument<string>("artefact") { Description = "NAME.calibration.json, its weights beside it, or the folder of both." };
        var model = new Option<DirectoryInfo?>("--model") { Description = "Folder of the FP32 model, in diffusers' layout; the artefact's when absent." };
        var seeds = new Option<(long First, int Count)?>("--seeds")
        {
            Description = "Images to draw, FIRST..LAST: the same noise and labels in every row; 0..511 when absent.",
            CustomParser = result => ParseSeeds(result.Tokens.Single().Value, result.AddError),
        };
        var prompts = new Option<FileInfo?>("--prompts") { Description = "Prompts to draw, one in each line, for a model with a text encoder." };
        Option<FileInfo?> contexts = ContextsOption.Create();
        var classifier = new Option<DirectoryInfo?>("--classifier") { Description = "Folder with classifier.safetensors and MNIST's test set, for label accuracy and Fréchet distance." };
        var json = new Option<FileInfo?>("--json") { Description = "Write every figure to this file." };
        var html = new Option<FileInfo?>("--html") { Description = "Write a page with table and plots to this file." };
        var markdown = new Option<FileInfo?>("--markdown") { Description = "Write the table and what each part does to this file, for a document." };
        var ablation = new Option<string>("--ablation")
        {
            Description = "full calibrates and draws each part of the method, which takes many times as long (the shipped digits: some ten minutes on two cores); none draws FP32 and the artefact.", DefaultValueFactory = _ => "full",
        };
        ablation.AcceptOnlyFromAmong("full", "none");
        var trajectories = new Option<int>("--trajectories") { Description = "Trajectories that each row of the ablation is calibrated on.", DefaultValueFactory = _ => 64 };
        var samples = new Option<int[]>("--samples") { HelpName = "trajectories", Description = "A curve of the error over the number of trajectories: these numbers, 2 8 32 128 say, each calibrated without corrections.", AllowMultipleArgumentsPerToken = true };
        var quick = new Option<bool>("--quick") { Description = $"A first look: {QuickImages} images and no ablation, unless --seeds and --ablation say otherwise." };
        Option<string> engine = EngineOption.Create();
        engine.Description = "torchsharp and torchsharp-cuda, in a build that has them, add rows with learned rounding to the ablation.";
        var iterations = new Option<int>("--reconstruction-iterations") { Description = "Iterations for each block of those rows.", DefaultValueFactory = _ => new ReconstructionOptions().Iterations };
        var resume = new Option<DirectoryInfo?>("--resume") { Description = "Keep what is done in this folder: after an interruption the same command goes on from there. Empty again at the end." };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all.", DefaultValueFactory = _ => 0 };
        var command = new Command("evaluate", "Compares an artefact with FP32 at equal seeds, and says what each part of the method is worth.")
        {
            folder, model, seeds, prompts, contexts, classifier, json, html, markdown, ablation, quick, trajectories, samples, engine, iterations, resume, threads,
        };
        // A task of its own: Ctrl+C is heard only once the action has returned one.
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            string artefact = Path.GetFullPath(result.GetRequiredValue(folder));
            bool look = result.GetValue(quick);
            var (first, count) = result.GetValue(seeds) ?? (0, look ? QuickImages : 512);
            var options = new EvaluationOptions
            {
                FirstImage = first, Images = count, Ablation = result.GetRequiredValue(ablation) == "full" && !(look && result.GetResult(ablation) is null or { Implicit: true }), Trajectories = result.GetValue(trajectories), Samples = result.GetValue(samples) ?? [],
                Prompts = result.GetValue(prompts) is { } file ? PromptFile.Read(file.FullName) : [], Contexts = ContextsOption.In(result, contexts),
                MemoryPredicted = bytes => MemoryNeed.Say("evaluation", bytes, "--ablation none draws FP32 and the artefact alone, and takes least."), ClassifierFolder = result.GetValue(classifier)?.FullName, ResumeFolder = result.GetValue(resume)?.FullName, Reconstruction = new() { Iterations = result.GetValue(iterations) },
            };
            return Run(artefact, result.GetValue(model)?.FullName, options, result.GetRequiredValue(engine), result.GetValue(json), result.GetValue(html), result.GetValue(markdown), result.GetValue(threads), cancellation);
        })));
        return command;
    }

    private static int Run(string artefact, string? model, EvaluationOptions options, string engine, FileInfo? json, FileInfo? html, FileInfo? markdown, int threads, CancellationToken cancellation)
    {
        foreach (FileInfo file in new[] { json, html, markdown }.OfType<FileInfo>()) OutputFile.Prepare(file);
        string manifest = CalibrationArtifact.Find(artefact);
        using var device = new CpuDevice(threads);
        if (engine != EngineOption.Interpreter) options = options with { Engine = EngineOption.Open(engine, device, threads) };
        EvaluationReport report = Evaluate(artefact, manifest, model, options, device, cancellation);
        TextReport.Write(report, Console.Out);
        if (json is not null) AtomicFile.Write(json.FullName, stream => JsonReport.Write(report, stream));
        if (html is not null) AtomicFile.Write(html.FullName, stream => HtmlReport.Write(report, stream));
        if (markdown is not null) AtomicFile.Write(markdown.FullName, stream => MarkdownReport.Write(report, stream));
        return ExitCode.Success;
    }

    /// <param name="artefact">The artefact, as it was named.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="model">The FP32 model's folder; null for the artefact's.</param>
    /// <param name="options">What to evaluate.</param>
    /// <param name="device">Where samplers run.</param>
    /// <param name="cancellation">Acts within a step.</param>
    internal static EvaluationReport Evaluate(string artefact, string manifest, string? model, EvaluationOptions options, CpuDevice device, CancellationToken cancellation)
    {
        try
        {
            using var progress = new ProgressLine();
            return ArtifactEvaluation.Run(manifest, model ?? Path.GetDirectoryName(Path.GetFullPath(manifest))!, options, device, device.Threads, progress, cancellation);
        }
        catch (ModelImportException e) when (model is null)
        {
            throw new ArtifactException(artefact, $"the FP32 model was looked for beside the artefact, and is not there or not usable. If it lies elsewhere, name its folder with --model. What was found: {e.Message}", e);
        }
    }

    private static (long, int)? ParseSeeds(string text, Action<string> error)
    {
        string[] ends = text.Split("..");
        if (ends.Length == 2 && long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out long first)
            && long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out long last) && last - first is >= 1 and < int.MaxValue)
            return (first, (int)(last - first + 1));
        error($"--seeds is '{text}'; it must look like 0..511 and hold at least two images.");
        return null;
    }
}
