using System.CommandLine;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Reporting;

namespace Specializer.Tool;

/// <summary><c>specializer calibrate</c>: from a model folder to an artefact.</summary>
internal static class CalibrateCommand
{
    private const int QuickTrajectories = 32;

    /// <param name="role">The command: those that share a calibration have its options.</param>
    public static Command Create(CalibrationRole role = CalibrationRole.Calibrate)
    {
        var folder = new Argument<DirectoryInfo>("model") { Description = "Model folder in diffusers' layout." };
        var output = new Option<DirectoryInfo>("--out") { Description = "Folder for the artefact.", Required = true };
        var name = new Option<string?>("--name") { Description = "Name of the artefact; the folder's when absent." };
        var nullLabel = new Option<int?>("--null-label") { Description = "Label that means \"none\" for guidance." };
        var prompts = new Option<FileInfo?>("--prompts") { Description = "Prompts to calibrate with, one in each line, for a model with a text encoder." };
        Option<FileInfo?> contexts = ContextsOption.Create();
        var given = new Option<DirectoryInfo?>("--pictures") { Description = "Folder of PNG files to calibrate with, for a network that fills in a masked part of a picture." };
        Option<(int Height, int Width)?> size = SizeOption.Create();
        Option<int> clipSkip = ClipSkipOption.Create();
        var steps = new Option<int>("--steps") { Description = "Denoising steps.", DefaultValueFactory = _ => 50 };
        var eta = Number.Create("--eta", "η of DDIM or γ of TCD, 0 to 1; the scheduler's own when absent.");
        var scheduler = new Option<string[]>("--scheduler") { HelpName = "scheduler", Description = $"Scheduler; the model's own when absent. Several give a manifest each, NAME-SCHEDULER.calibration.json, on one weights file. Of {string.Join(", ", Calibrator.Schedulers)}.", AllowMultipleArgumentsPerToken = true };
        scheduler.CompletionSources.Add([.. Calibrator.Schedulers]);
        var weights = Choice<int>.Create("--weights", "Bits of the weights.", 4, ("4", 4), ("8", 8));
        var activations = Choice<ActivationWidth?>.Create("--activations", "Bits of the activations; mixed for 4-bit weights when absent.", null,
            ("4", ActivationWidth.Four), ("8", ActivationWidth.Eight), ("mixed", ActivationWidth.Mixed));
        var attention = Choice<int>.Create("--attention", "Bits of the factors of attention's products, q·kᵀ and softmax·v.", 32, ("8", 8), ("32", 32));
        var policy = Choice<BitPolicy>.Create("--policy", "How mixed bits are chosen.", BitPolicy.Budget, ("preset", BitPolicy.Preset), ("rule", BitPolicy.Rule), ("budget", BitPolicy.Budget));
        var presetShare = Number.Create("--preset-share", "Share of the first steps at 4 bits.", 0.25);
        var sensitive = new Option<int>("--sensitive-layers") { Description = "Most layers to keep at 8 bits, paid for by more steps with 4-bit activations; kept only if held-out images gain." };
        var ruleMargin = Number.Create("--rule-margin", "Margin on the signal-to-noise ratio of the rule.", 1);
        var trajectories = new Option<int>("--trajectories") { Description = "Trajectories for the statistics; the time goes with them.", DefaultValueFactory = _ => new CalibrationOptions().Trajectories };
        var quick = new Option<bool>("--quick") { Description = $"To try it out: {QuickTrajectories} trajectories unless --trajectories says otherwise. The shipped digits then take a minute or two on two cores, else some 20 minutes." };
        var pictures = new Option<bool>("--image-to-image") { Description = "Compile in what begins with pictures: image to image and inpainting by mask. The encoder of a latent model then lies with the weights." };
        var tile = new Option<int>("--decoder-tile") { HelpName = "pixels", Description = "Let the decoder of a latent model make the picture in tiles of so many rows and columns, in the memory of one; 0 for the whole at once." };
        var check = new Option<int>("--check") { HelpName = "images", Description = "Pictures to draw at the end, beside FP32's, for the verdict; 0 for none.", DefaultValueFactory = _ => 16 };
        var guidance = Number.Create("--guidance", "Guidance scale to compile in; 1, which is none, when absent. A network that reads the scale itself is told it, 8.5 when absent.");
        var interval = new Option<(double, double)?>("--guidance-interval")
        {
            Description = "Guidance scales that may be asked for, MIN..MAX; 1..4 when a null label is given, 1..7.5 with prompts, or contexts that say what it leads away from.", CustomParser = result => ParseInterval(result.Tokens.Single().Value, result.AddError),
        };
        var mean = Choice<MeanCorrectionChoice>.Create("--mean-correction", "Correction of the mean.", MeanCorrectionChoice.Auto,
            ("auto", MeanCorrectionChoice.Auto), ("divide", MeanCorrectionChoice.Divide), ("mmse", MeanCorrectionChoice.Mmse), ("off", MeanCorrectionChoice.Off));
        var variance = Choice<VarianceCorrectionChoice>.Create("--variance-correction", "Correction of the variance.", VarianceCorrectionChoice.Auto,
            ("auto", VarianceCorrectionChoice.Auto), ("on", VarianceCorrectionChoice.On), ("off", VarianceCorrectionChoice.Off));
        var rounding = Choice<RoundingChoice>.Create("--rounding", "Rounding of the weights.", RoundingChoice.Gptq, ("gptq", RoundingChoice.Gptq), ("nearest", RoundingChoice.Nearest), ("reconstruct", RoundingChoice.Reconstruct), ("sequential", RoundingChoice.Sequential));
        var iterations = new Option<int>("--reconstruction-iterations") { Description = "Iterations for each block when rounding is reconstruct.", DefaultValueFactory = _ => new ReconstructionOptions().Iterations };
        var first = Choice<FirstConvolutionChoice>.Create("--first-convolution", "The convolution that reads the state: 8 bits, floating point (2 to 4 % more bit operations of a small model), or auto: floating point where held-out images gain by it.", new CalibrationOptions().FirstConvolution,
            ("auto", FirstConvolutionChoice.Auto), ("quantized", FirstConvolutionChoice.Quantized), ("float", FirstConvolutionChoice.FloatingPoint));
        var clipping = Choice<ClippingChoice>.Create("--clipping", "Ranges of the activations: plain, of least squared error; weighted, which clip less; or auto: weighted where held-out images gain by it.", new CalibrationOptions().Clipping,
            ("auto", ClippingChoice.Auto), ("plain", ClippingChoice.Plain), ("weighted", ClippingChoice.Weighted));
        var skip = new Option<string[]>("--skip") { Description = "Convolutions to leave in FP32.", AllowMultipleArgumentsPerToken = true };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the calibration." };
        Option<string> engine = EngineOption.Create();
        var memory = Number.Create("--memory", "GB that the calibration may hold, its moments collected in as many passes as that takes; 0 for no bound. The artefact does not depend on it.", 0);
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all." };
        var json = new Option<bool>("--json") { Description = "Print the outcome as JSON." };
        var sharing = new SharingOptions(role);
        var command = new Command(role.ToString().ToLowerInvariant(), role switch
        {
            CalibrationRole.Merge => "Writes the artefact of a calibration whose shards have ended; its other options are theirs.",
            CalibrationRole.Worker => "Collects statistics for a 'calibrate --cluster' with the same options and folder, and ends when all are collected.",
            _ => "Quantizes a model, fits its noise per step and writes the artefact.",
        })
        {
            folder, output, name, nullLabel, prompts, contexts, given, size, clipSkip, steps, scheduler, eta, weights.Option, activations.Option, attention.Option, policy.Option, presetShare, sensitive, ruleMargin, trajectories, quick, check, pictures, tile, guidance,
            interval, mean.Option, variance.Option, rounding.Option, iterations, first.Option, clipping.Option, skip, engine, seed, memory, threads, json,
        };
        foreach (Option option in sharing.All) command.Add(option);
        check.Validators.Add(result =>
        {
            // One image gives no interval. What is no number the parser reports by itself.
            if (result.Tokens is [var token] && int.TryParse(token.Value, out int images) && images is < 0 or 1) result.AddError("--check must be 0, or at least 2.");
        });
        // A task of its own: Ctrl+C is heard only once the action has returned one.
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            int? none = result.GetValue(nullLabel);
            int bits = weights.In(result);
            FileInfo? file = result.GetValue(prompts);
            GivenContexts? read = ContextsOption.In(result, contexts);
            var options = new CalibrationOptions
            {
                Steps = result.GetValue(steps), Eta = result.GetValue(eta), Schedulers = result.GetValue(scheduler) ?? [], WeightBits = bits,
                Activations = activations.In(result) ?? (bits == 8 ? ActivationWidth.Eight : ActivationWidth.Mixed),
                AttentionBits = attention.In(result), Policy = policy.In(result), PresetShare = result.GetValue(presetShare), SensitiveLayers = result.GetValue(sensitive), RuleMargin = result.GetValue(ruleMargin),
                Trajectories = result.GetValue(quick) && result.GetResult(trajectories) is null or { Implicit: true } ? QuickTrajectories : result.GetValue(trajectories),
                MeanCorrection = mean.In(result), VarianceCorrection = variance.In(result), Rounding = rounding.In(result), FirstConvolution = first.In(result), Clipping = clipping.In(result), Reconstruction = new() { Iterations = result.GetValue(iterations) },
                Memory = (long)(1e9 * result.GetValue(memory)), Skip = result.GetValue(skip) ?? [], Seed = result.GetValue(seed), ImageToImage = result.GetValue(pictures), DecoderTile = result.GetValue(tile), Prompts = file is null ? [] : PromptFile.Read(file.FullName), Contexts = read,
                Pictures = result.GetValue(given) is { } shown ? PictureFolder.Read(shown.FullName) : [],
            };
            return Run(result.GetRequiredValue(folder).FullName, result.GetRequiredValue(output).FullName, result.GetValue(name), none, result.GetValue(size), result.GetValue(clipSkip), options, result.GetValue(guidance), result.GetValue(interval), result.GetValue(check), result.GetRequiredValue(engine), result.GetValue(threads), result.GetValue(json),
                () => sharing.Open(result, cancellation), cancellation);
        })));
        return command;
    }

    private static int Run(string folder, string output, string? name, int? nullLabel, (int Height, int Width)? size, int clipSkip, CalibrationOptions options, double? guidance, (double Least, double Most)? interval, int check, string engine, int threads, bool json, Func<SharedWork> share, CancellationToken cancellation)
    {
        TextWriter text = json ? TextWriter.Null : Console.Out;
        ImportedModel model = PipelineImporter.Load(folder, name, nullLabel, options.ImageToImage, size, clipSkip, options.Contexts?.Tokens);
        (model, options) = Guided(model, options, guidance, interval, nullLabel is not null);
        foreach (string remark in ModelText.Remarks(model)) text.WriteLine(remark);
        if (model.EmbeddedGuidance is { } told) text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The network reads the scale of guidance: {told} is compiled in (--guidance), and a step evaluates an image once."));
        using var device = new CpuDevice(threads);
        options = options with { Engine = EngineOption.Open(engine, device, threads) };
        var memory = Calibrator.PredictMemory(model, options);
        text.WriteLine(MemoryText(memory));
        MemoryNeed.Say("calibration", memory.Bytes, "--memory GB says how much may be used, in more passes.");
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Disk: at most {Calibrator.PredictDisk(model, options) / 1e9:F2} GB in {output} until the artefact is there."));
        using var progress = new ProgressLine();
        var times = new PhaseTimes(progress);
        CalibrationResult result;
        try
        {
            using SharedWork work = share();
            if (Calibrator.Run(model, options, output, work.Ranges, device, device.Threads, times, cancellation) is not { } calibrated)
            {
                progress.Dispose();
                text.WriteLine("This process's part is done. Of shards, 'specializer merge' with the same options writes the artefact when all are; of workers, the 'calibrate --cluster' does.");
                if (json) Console.WriteLine(CommandJson.Serialize(CalibrationOutcome.Part));
                return ExitCode.Success;
            }

            work.End();
            result = calibrated;
        }
        catch (OperationCanceledException)
        {
            progress.Dispose();
            Console.Error.WriteLine(Kept(output, model.Name));
            return ExitCode.Cancelled;
        }

        progress.Dispose();
        text.WriteLine(times);
        text.WriteLine("Decisions and findings (docs/method.md explains them):");
        foreach (Finding finding in result.Findings) text.WriteLine($"  {FindingText.Sentence(finding)}");
        var manifests = new List<CalibratedManifest>();
        foreach (string path in result.ManifestPaths)
        {
            try
            {
                manifests.Add(Judge(path, folder, options, check, device, text, cancellation));
            }
            catch (OperationCanceledException)
            {
                Console.Error.WriteLine($"Cancelled while pictures were drawn for the verdict. The artefact is complete: {string.Join(", ", result.ManifestPaths)}");
                return ExitCode.Cancelled;
            }
        }

        text.WriteLine($"Wrote {string.Join(" and ", result.ManifestPaths)}, and {(manifests.Count == 1 ? "its" : "their")} weights beside. For the project file, if it lies in the current folder:");
        foreach (CalibratedManifest manifest in manifests) text.WriteLine($"  {manifest.ProjectLine}");
        if (json) Console.WriteLine(CommandJson.Serialize(new CalibrationOutcome(true, manifests, [.. result.Findings.Select(FindingText.Sentence)])));
        return ExitCode.Success;
    }

    /// <summary>Model and options with the guidance that is asked for: told to a network that reads its scale, or calibrated for.</summary>
    private static (ImportedModel Model, CalibrationOptions Options) Guided(ImportedModel model, CalibrationOptions options, double? scale, (double Least, double Most)? interval, bool hasNullLabel)
    {
        if (model.EmbeddedGuidance is { } usual)
        {
            return interval is null ? (model with { EmbeddedGuidance = scale ?? usual }, options)
                : throw new ArgumentException($"--guidance-interval has no meaning for {model.Name}, which reads the scale of guidance itself: one scale is compiled in. Leave it out; --guidance SCALE names the scale.");
        }

        bool away = options.Prompts.Count > 0 || options.Contexts is { HasNegative: true };
        if (!hasNullLabel && !away && (scale is not (null or 1) || interval is not (null or (1, 1))))
            throw new ArgumentException("--guidance and --guidance-interval need --null-label LABEL: the label that means \"none\" to the model, often its last. A model that was trained without one cannot be guided. A model that draws prompts needs --prompts FILE; with --contexts FILE what guidance leads away from stands in the file.");
        (double least, double most) = interval ?? (away ? (1, 7.5) : hasNullLabel && options.Contexts is null ? (1, 4) : (1, 1));
        return (model, options with { Guidance = scale ?? 1, GuidanceMinimum = least, GuidanceMaximum = most });
    }

    /// <summary>Draws pictures beside FP32's and says what they are worth.</summary>
    private static CalibratedManifest Judge(string manifest, string folder, CalibrationOptions options, int check, CpuDevice device, TextWriter text, CancellationToken cancellation)
    {
        string name;
        using (CalibrationArtifact artifact = CalibrationArtifact.Open(manifest))
        {
            name = artifact.Manifest.Model.Name;
            if (options.Schedulers.Count > 1) text.WriteLine($"{artifact.Manifest.Scheduler.Family}:");
            foreach (var statistics in artifact.Manifest.Statistics) text.WriteLine($"  {ReportTable.Sentence(WidthFigures.Of(statistics))}");
        }

        text.WriteLine();
        string line = CalibrationSummary.ProjectLine(manifest, Environment.CurrentDirectory, name);
        if (check == 0) return new(manifest, line, null, null);
        EvaluationReport report;
        using (var checking = new ProgressLine())
            report = ArtifactEvaluation.Run(manifest, folder, new() { Images = check, Ablation = false, Prompts = options.Prompts, Contexts = options.Contexts }, device, device.Threads, checking, cancellation);
        foreach (string sentence in CalibrationSummary.Verdict(report, options)) text.WriteLine(sentence);
        string page = Path.ChangeExtension(manifest, ".html");
        AtomicFile.Write(page, stream => HtmlReport.Write(report, stream));
        text.WriteLine($"  page   {page} shows pictures, steps and layers; builds with SpecializerReport=true name it");
        return new(manifest, line, page, CalibrationVerdict.Of(report));
    }

    /// <summary>What the calibration will take, before it begins.</summary>
    private static string MemoryText((long Bytes, int Passes) memory) => string.Create(CultureInfo.InvariantCulture,
        $"Memory: at most {memory.Bytes / 1e9:F1} GB, as predicted{(memory.Passes > 1 ? $"; FP32 trajectories run {memory.Passes} times, each for some of the layers" : "")}.");

    /// <summary>What a cancelled calibration leaves, and how to go on.</summary>
    internal static string Kept(string output, string name) => Directory.Exists(output) && Disk.Files(output, $"{name}.*.checkpoint").Length > 0
        ? $"Cancelled. What was done is kept in {Path.Combine(output, $"{name}.*.checkpoint")}: the same command goes on from there, and removes it at the end. Delete it to start anew."
        : "Cancelled before the first state was kept: the same command starts anew.";

    private static (double, double)? ParseInterval(string text, Action<string> error)
    {
        string[] ends = text.Split("..");
        if (ends.Length == 2 && Number.TryParse(ends[0], out double least) && Number.TryParse(ends[1], out double most))
            return (least, most);
        error($"--guidance-interval is '{text}'; it must look like 1..4.");
        return null;
    }
}
