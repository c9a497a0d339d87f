using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A finished calibration.</summary>
/// <param name="ManifestPath">Path of <c>NAME.calibration.json</c>; the weights lie beside it.</param>
/// <param name="Findings">What was decided and why, and what a person should look at.</param>
public sealed record CalibrationResult(string ManifestPath, IReadOnlyList<Finding> Findings);

/// <summary>Calibrates a model: FP32 trajectories, quantization, noise statistics on the integer kernels, bits and corrections per step.</summary>
public static class Calibrator
{
    /// <summary>Names of the schedulers that can be asked for (docs/schedulers.md).</summary>
    public static IReadOnlyList<string> Schedulers { get; } = [.. SchedulerFamily.All.Select(f => f.Name)];

    /// <summary>Calibrates and writes the artefact. Interrupted and called again with the same arguments, it goes on where it stopped, unless another build of this library wrote the checkpoint.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">Where to write; created when missing.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Acts within a step; leaves what is needed to go on.</param>
    /// <exception cref="ArgumentException">Options contradict each other or the model.</exception>
    /// <exception cref="UnsupportedModelException">The model draws latents, or needs other networks' outputs.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    /// <exception cref="IOException">A file cannot be written, or another calibration of this name writes to the folder.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static CalibrationResult Run(ImportedModel model, CalibrationOptions options, string folder, Device device, int threads = 1,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default) => Run(model, options, folder, null, device, threads, progress, cancellation)!;

    /// <summary>Does one process's part of a calibration that several share, on one machine or many: all with the same arguments but for their ranges, and one folder. The artefact has the bytes that one
    /// process alone gives. A process waits for the others where it needs what they collect. Interrupted and called again, it goes on where it stopped.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">The folder of all processes; created when missing.</param>
    /// <param name="ranges">What this process does; null for everything.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Acts within a step; leaves what is needed to go on.</param>
    /// <returns>The artefact; null of a process that does not decide (<see cref="UnitRanges.Decides"/>).</returns>
    /// <exception cref="ArgumentException">Options contradict each other or the model.</exception>
    /// <exception cref="UnsupportedModelException">The model draws latents, or needs other networks' outputs.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    /// <exception cref="ShardMissingException">What others should have left is missing, or is of another calibration.</exception>
    /// <exception cref="IOException">A file cannot be written, or the same part runs already.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static CalibrationResult? Run(ImportedModel model, CalibrationOptions options, string folder, UnitRanges? ranges, Device device, int threads = 1,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (Obstacle(model) is { } obstacle) throw new UnsupportedModelException(model.Pipeline?.File ?? model.Name, [obstacle]);
        options.Validate(model);
        SchedulerRun solver = Solver(model, options);
        options = options with { Evaluations = solver.Program.Evaluations.Count };
        Disk.CreateFolder(folder);
        using IDisposable turn = CalibrationLock.Take(folder, ranges is { LockName: { } own } ? $"{model.Name}.{own}" : model.Name);
        AtomicFile.DeleteAbandoned(Path.GetFullPath(Path.Combine(folder, model.Name)));
        if (model.Text is { } text) model = model with { Contexts = text.Encode(options.Prompts, "", device, cancellation) };
        if (model.Labels is { } labels) model = model with { Contexts = labels.Contexts(model.NullLabel) };
        var context = new CalibrationContext(model, solver, options, device, threads, progress, cancellation) { Ranges = ranges };
        var findings = new List<Finding>();
        if (model.Text?.Cut(options.Prompts) is { Count: > 0 } cut) findings.Add(new PromptsCut(cut, model.Text.Tokens - 2));
        if (options.Trajectories < Bootstrap.Fewest) findings.Add(new TooFewTrajectories(options.Trajectories, Bootstrap.Fewest));
        string identity = Identity(model, options);
        // Processes that share the work must form the same groups of layers.
        ranges?.Begin($"{identity}\n{options.Memory}");
        var checkpoint = new Checkpoint(folder, model.Name, identity, findings);
        var run = new CalibrationRun(context, checkpoint);
        var decision = new DecisionPhase(run, checkpoint, findings);
        var sensitive = new SensitivePhase(run, decision, checkpoint, findings);
        var parts = new PartsPhase(context, findings);
        context.Total = run.Work + decision.Work + sensitive.Work + parts.Work;
        run.CollectActivations();
        run.QuantizeWeights();
        run.CollectNoise();
        if (ranges is { Decides: false })
        {
            run.DeleteRounded();
            return null;
        }

        run.ForgetOtherWeights();
        (run, CalibrationManifest manifest) = sensitive.Decide(decision.Decide());
        PipelineParts others = parts.Choose();
        manifest = others.AddTo(manifest);
        var weights = new SafetensorsWriter();
        run.Tensors.AddTo(weights);
        others.AddTo(weights);
        string path = ArtifactWriter.Write(folder, manifest, weights).Path;
        findings.AddRange(checkpoint.Delete());
        return new(path, findings);
    }

    /// <summary>The solver that options ask for.</summary>
    /// <exception cref="ArgumentException">Steps or η are not possible.</exception>
    /// <exception cref="UnsupportedModelException">What the solver needs is not compiled.</exception>
    internal static SchedulerRun Solver(ImportedModel model, CalibrationOptions options)
    {
        SchedulerRun run = model.Scheduler.Run(options.Scheduler, options.Steps, options.Eta);
        if (run.Program.LearnsVariance)
        {
            throw new UnsupportedModelException(model.Pipeline?.File ?? model.Name, "variance_type", $"\"{run.Identity["variance_type"]}\"",
                "Samplers take no predicted variance yet. Use a fixed one, or a scheduler that needs none, such as ddim.");
        }

        int most = ManifestLimits.Steps;
        return run.Program.Evaluations.Count <= most ? run
            : throw new ArgumentException($"{options.Steps} steps of {run.Identity.Family} evaluate the network {run.Program.Evaluations.Count} times; {most} are the most.", nameof(options));
    }

    /// <summary>Why a model is not calibrated, whatever the options; null for one that is.</summary>
    internal static UnsupportedSetting? Obstacle(ImportedModel model) =>
        model.Pipeline?.Decoder is { } decoder && model.Decoder is null
            ? new(decoder.Name, $"\"{decoder.Class}\"", "The network draws latents, and only this decoder turns them into pictures. Supported: the whole pipeline; verify and export take this one's network alone.")
        : model.Architecture != "UNet2DModel" && model.Text is null && model.Labels is null
            ? new("_class_name", $"\"{model.Architecture}\"", "Its other inputs come from other networks of a pipeline. Supported: \"UNet2DModel\", and \"UNet2DConditionModel\" in a pipeline with its text encoder, or with the table of its classes.")
        : model.OutputChannels != model.Channels
            ? new("out_channels", $"{model.OutputChannels}", $"Supported: as many as in_channels ({model.Channels}). A network that also predicts its variance, or that reads more than the state, is verified but not sampled.")
        : model.Network.Inputs.FirstOrDefault(i => i != UNetImporter.Context) is { } input
            ? new(input, "required", "The network reads this besides its state. Supported: prompts, and labels where act_fn is \"silu\".")
        : null;

    /// <summary>Everything that decides a calibration's state: the model, the options, and the code. Compilers are deterministic: the same source, built again in the same place, has the same module version ids.</summary>
    internal static string Identity(ImportedModel model, CalibrationOptions options)
    {
        Type[] code = [typeof(Calibrator), typeof(Device), options.Engine?.GetType() ?? typeof(InterpreterEngine)];
        return string.Join('\n', (string[])
        [
            model.Sha256, model.ConfigurationSha256, $"{model.NullLabel}", model.Contexts?.Sha256 ?? "", .. ManifestBuilder.Options(options), .. code.Select(type => $"{type.Module.ModuleVersionId}"),
        ]);
    }
}
