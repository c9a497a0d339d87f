using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A finished calibration.</summary>
/// <param name="ManifestPaths">Path of <c>NAME.calibration.json</c>, or of <c>NAME-SCHEDULER.calibration.json</c> for each of several schedulers; the weights lie beside it.</param>
/// <param name="Findings">What was decided and why, and what a person should look at.</param>
public sealed record CalibrationResult(IReadOnlyList<string> ManifestPaths, IReadOnlyList<Finding> Findings)
{
    /// <summary>Path of the first manifest.</summary>
    public string ManifestPath => ManifestPaths[0];
}

/// <summary>Calibrates a model: FP32 trajectories, quantization, noise statistics on the integer kernels, bits and corrections per step.</summary>
public static class Calibrator
{
    /// <summary>Names of the schedulers that can be asked for (docs/schedulers.md).</summary>
    public static IReadOnlyList<string> Schedulers { get; } = [.. SchedulerFamily.All.Select(f => f.Name)];

    /// <summary>What a calibration would hold in memory, predicted from shapes alone.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <returns>Bytes at most; and how often FP32 trajectories run so that <see cref="CalibrationOptions.Memory"/> is kept, 1 where all fits.</returns>
    /// <exception cref="ArgumentException">Options contradict each other or the model, or the memory that they allow is too little.</exception>
    /// <exception cref="UnsupportedModelException">The model is not calibrated.</exception>
    public static (long Bytes, int Passes) PredictMemory(ImportedModel model, CalibrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        SchedulerRun[] solvers = Prepare(ref model, ref options);
        MemoryPlan plan = Plan(model, options, solvers);
        return (plan.Peak, plan.Groups.Count);
    }

    /// <summary>What a calibration writes to its folder at most, checkpoints and artefact together, from shapes alone: nothing is computed yet.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <exception cref="ArgumentException">Options contradict each other or the model, or no calibration keeps <see cref="CalibrationOptions.Memory"/>.</exception>
    /// <exception cref="UnsupportedModelException">The model cannot be calibrated.</exception>
    public static long PredictDisk(ImportedModel model, CalibrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        SchedulerRun[] solvers = Prepare(ref model, ref options);
        return Plan(model, options, solvers).Disk;
    }

    /// <summary>Calibrates and writes the artefact. Interrupted and called again with the same arguments, it goes on where it stopped, unless another build of this library wrote the checkpoint.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">Where to write; created when missing.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step; leaves what is needed to go on.</param>
    /// <exception cref="ArgumentException">Options contradict each other or the model.</exception>
    /// <exception cref="UnsupportedModelException">The model draws latents, or needs other networks' outputs.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    /// <exception cref="IOException">A file cannot be written, or another calibration of this name writes to the folder.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static CalibrationResult Run(ImportedModel model, CalibrationOptions options, string folder, Device device, int threads = 1,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default) => Run(model, options, folder, null, device, threads, progress, cancellationToken)!;

    /// <summary>Does one process's part of a calibration that several share, on one machine or many: all with the same arguments but for their ranges, and one folder. The artefact has the bytes that one
    /// process alone gives. A process waits for the others where it needs what they collect. Interrupted and called again, it goes on where it stopped.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">The folder of all processes; created when missing.</param>
    /// <param name="ranges">What this process does; null for everything.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellationToken">Acts within a step; leaves what is needed to go on.</param>
    /// <returns>The artefact; null of a process that does not decide (<see cref="UnitRanges.Decides"/>).</returns>
    /// <exception cref="ArgumentException">Options contradict each other or the model.</exception>
    /// <exception cref="UnsupportedModelException">The model draws latents, or needs other networks' outputs.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    /// <exception cref="ShardMissingException">What others should have left is missing, or is of another calibration.</exception>
    /// <exception cref="IOException">A file cannot be written, or the same part runs already.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static CalibrationResult? Run(ImportedModel model, CalibrationOptions options, string folder, UnitRanges? ranges, Device device, int threads = 1,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        SchedulerRun[] solvers = Prepare(ref model, ref options);
        Disk.CreateFolder(folder);
        using IDisposable turn = CalibrationLock.Take(folder, ranges is { LockName: { } own } ? $"{model.Name}.{own}" : model.Name);
        AtomicFile.DeleteAbandoned(Path.GetFullPath(Path.Combine(folder, model.Name)));
        var findings = new List<Finding>();
        // Processes that share the work share the folder, too.
        if (ranges is null)
        {
            MemoryPlan plan = Plan(model, options, solvers);
            DeleteOtherMoments(folder, model.Name, plan.Groups.Count, findings);
            // What else an earlier run left is there already.
            DiskRoom.Require(Path.GetFullPath(folder), folder, plan.Disk - Disk.Files(folder, $"{model.Name}.*.checkpoint").Sum(file => new FileInfo(file).Length));
        }

        PromptContexts? contexts = model.Labels?.Contexts(model.NullLabel) ?? model.Text?.Encode(options.Prompts, null, device, cancellationToken) ?? options.Contexts?.Of(model);
        model = model with { Contexts = contexts?.With(MaskedPictures.Of(model, options, device, cancellationToken)).With(model.Network.Embedding.Classes, model.NullLabel) };
        if (model.Text?.Cut(options.Prompts) is { Count: > 0 } cut) findings.Add(new PromptsCut(cut, model.Text.Tokens - 2));
        if (options.Trajectories < Bootstrap.Fewest) findings.Add(new TooFewTrajectories(options.Trajectories, Bootstrap.Fewest));
        string identity = Identity(model, options);
        // Processes that share the work must form the same groups of layers.
        ranges?.Begin($"{identity}\n{options.Memory}");
        var meter = new CalibrationMeter(progress);
        SolverCalibration[] calibrations = [.. solvers.Select(solver =>
        {
            CalibrationOptions own = options with { Evaluations = solver.Program.Evaluations.Count };
            var checkpoint = new Checkpoint(folder, model.Name, identity, findings, solvers.Length == 1 ? "" : $"{Label(solver)}.");
            return new SolverCalibration(new(model, solver, own, device, threads, progress, cancellationToken)
            {
                // Processes that share the work have other units' predictions in each phase.
                Ranges = ranges, Solvers = solvers, Meter = meter, Predictions = ranges is null ? KeptPredictions.In(checkpoint, model, own) : null,
            }, checkpoint, solvers.Length == 1 ? findings : []);
        })];
        var parts = new PartsPhase(calibrations[0].Context, calibrations[0].Checkpoint, findings);
        meter.Total = calibrations.Sum(c => c.Work) + parts.Work;
        SolverCalibration.Collect(calibrations, findings);
        if (ranges is { Decides: false })
        {
            foreach (SolverCalibration calibration in calibrations) calibration.DeleteOwn();
            return null;
        }

        CalibrationManifest[] manifests = [.. calibrations.Select(c => c.Decide())];
        PipelineParts others = parts.Choose();
        var weights = new SafetensorsWriter();
        calibrations[0].Tensors.AddTo(weights);
        others.AddTo(weights);
        string[] paths = [.. ArtifactWriter.Write(folder, model.Name, [.. manifests.Select((m, i) => others.AddTo(solvers.Length == 1 ? m : m with
        {
            Model = m.Model with { Name = $"{model.Name}-{Label(solvers[i])}" },
        }))], weights).Select(written => written.Path)];
        if (solvers.Length > 1) findings.AddRange(calibrations.SelectMany(c => c.Findings.Select(f => new WithScheduler(c.Context.Run.Identity.Family, f))));
        if (ranges is null) calibrations[0].Checkpoint.ExpectAll();
        findings.AddRange(calibrations.SelectMany(c => c.Checkpoint.Delete()));
        return new(paths, findings);
    }

    /// <summary>Removes the moments that a run with another <see cref="CalibrationOptions.Memory"/> has left: of other groups of layers, nothing goes on from them, and they may be gigabytes.</summary>
    private static void DeleteOtherMoments(string folder, string name, int groups, List<Finding> findings)
    {
        foreach (string file in Disk.Files(folder, $"{name}.*moments-*-of-*.checkpoint").Where(file => !Path.GetFileName(file)[name.Length..].Contains($"-of-{groups}.", StringComparison.Ordinal)))
        {
            Temporary.Try(() => Disk.Delete(file));
            findings.Add(new CheckpointSetAside(Path.GetFileName(file), CheckpointSetAside.OtherLayers));
        }
    }

    private static MemoryPlan Plan(ImportedModel model, CalibrationOptions options, SchedulerRun[] solvers) =>
        MemoryPlan.Of(model, options with { Evaluations = solvers.Sum(s => s.Program.Evaluations.Count) }, solvers.Length);

    /// <summary>The solver that options ask for: the only one, or the model's own.</summary>
    /// <exception cref="ArgumentException">Steps or η are not possible.</exception>
    /// <exception cref="UnsupportedModelException">What the solver needs is not compiled.</exception>
    internal static SchedulerRun Solver(ImportedModel model, CalibrationOptions options) => Solver(model, options, options.Scheduler);

    /// <summary>Checks model and options, splits off a variance that the network predicts, and settles what of the options needs no evidence.</summary>
    private static SchedulerRun[] Prepare(ref ImportedModel model, ref CalibrationOptions options)
    {
        if (Obstacle(model) is { } obstacle) throw new UnsupportedModelException(model.Pipeline?.File ?? model.Name, [obstacle]);
        options.Validate(model);
        SchedulerRun[] solvers = Solvers(model, options);
        model = LearnedVariance.Split(model, solvers.Any(s => s.Program.LearnsVariance));
        options = options.WithFirstConvolution(model.Network).WithClipping();
        return solvers;
    }

    private static SchedulerRun[] Solvers(ImportedModel model, CalibrationOptions options)
    {
        SchedulerRun[] solvers = options.Schedulers.Count == 0 ? [Solver(model, options)] : [.. options.Schedulers.Select(scheduler => Solver(model, options, scheduler))];
        if (solvers.GroupBy(s => s.Identity.Family).FirstOrDefault(g => g.Count() > 1) is { Key: { } twice })
            throw new ArgumentException($"The scheduler {twice} is named twice; each gives one manifest.", nameof(options));
        int rows = solvers.Sum(s => s.Program.Evaluations.Count), most = ManifestLimits.Rows;
        return rows <= most ? solvers : throw new ArgumentException($"The schedulers evaluate the network {rows} times in all; {most} are the most.", nameof(options));
    }

    private static SchedulerRun Solver(ImportedModel model, CalibrationOptions options, string? scheduler)
    {
        SchedulerRun run = model.Scheduler.Run(scheduler, options.Steps, options.Eta, options.ImageToImage);
        if (run.Program.LearnsVariance) LearnedVariance.Require(model);
        float[] nowhere = [.. run.Program.Evaluations.Select(e => e.Timestep.Single).Where(t => !model.Time.Has(t))];
        if (nowhere.Length > 0)
        {
            var (why, remedy) = model.Time.IsOfLogarithm
                ? ("takes the logarithm of timesteps, and there is none of", "Use a scheduler whose timesteps are above 0, such as one with \"timestep_spacing\": \"trailing\".")
                : ("looks timesteps up in a learned table, which has no row for", "Use a scheduler whose timesteps are whole numbers, such as ddim.");
            throw new ArgumentException($"{model.Name} {why} {nowhere[0]}, one of {nowhere.Length} of {run.Identity.Family} in {options.Steps} steps. {remedy}", nameof(options));
        }

        int most = ManifestLimits.Steps;
        return run.Program.Evaluations.Count <= most ? run
            : throw new ArgumentException($"{options.Steps} steps of {run.Identity.Family} evaluate the network {run.Program.Evaluations.Count} times; {most} are the most.", nameof(options));
    }

    /// <summary>What tells a solver's files from others': its family in letters that names of models may have, dpmsolverpp for dpmsolver++.</summary>
    private static string Label(SchedulerRun solver) => solver.Identity.Family.Replace('+', 'p');

    /// <summary>Why a model is not calibrated, whatever the options; null for one that is.</summary>
    internal static UnsupportedSetting? Obstacle(ImportedModel model) =>
        model.Pipeline?.Decoder is { } decoder && model.Decoder is null
            ? new(decoder.Name, $"\"{decoder.Class}\"", "The network draws latents, and only this decoder turns them into pictures. Supported: the whole pipeline; verify and export take this one's network alone.")
        : model.Labels is not null && model.Network.Embedding.Classes > 0
            ? new("num_class_embeds", $"{model.Network.Embedding.Classes}", $"A label is a row of '{PipelineParts.LabelsName}' here, and no other. Supported: null.")
        : model.OutputChannels != model.Channels && !LearnedVariance.IsPredicted(model)
            ? new("out_channels", $"{model.OutputChannels}", $"Supported: as many as in_channels ({model.Channels}), or twice as many for a predicted variance. A network that reads more than the state is verified but not sampled.")
        : GivenContexts.Beyond(model) is { } input
            ? new(input, "required", "The network reads this besides what its pipeline makes of prompts or labels. Supported: to give it all that it reads (calibrate --contexts FILE).")
        : null;

    /// <summary>Everything that decides a calibration's state: the model, the options, and the code. Compilers are deterministic: the same source, built again in the same place, has the same module version ids.</summary>
    internal static string Identity(ImportedModel model, CalibrationOptions options)
    {
        Type[] code = [typeof(Calibrator), typeof(Device), options.Engine?.GetType() ?? typeof(InterpreterEngine)];
        return string.Join('\n', (string[])
        [
            model.Sha256, model.ConfigurationSha256, $"{model.NullLabel}", $"{(Number?)model.EmbeddedGuidance}", model.Contexts?.Sha256 ?? "", .. ManifestBuilder.Options(options), .. code.Select(type => $"{type.Module.ModuleVersionId}"),
        ]);
    }
}
