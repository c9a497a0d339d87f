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

    /// <summary>Collects one shard's part of a calibration that several processes share, on one machine or many: all with the same arguments but for the shard, and one folder. A shard waits
    /// for the others where it needs what they collect. Interrupted and called again, it goes on where it stopped. <see cref="Merge"/> makes the artefact of what they leave.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">The folder of all shards; created when missing.</param>
    /// <param name="shard">Which one this is.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Acts within a step; leaves what is needed to go on.</param>
    /// <exception cref="ArgumentException">Options contradict each other or the model, or there is no such shard.</exception>
    /// <exception cref="UnsupportedModelException">The model draws latents, or needs other networks' outputs.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    /// <exception cref="IOException">A file cannot be written, or the same shard runs already.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static void RunShard(ImportedModel model, CalibrationOptions options, string folder, Shard shard, Device device, int threads = 1,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(shard);
        shard.Validate();
        Run(model, options, folder, new(shard.Count, shard), device, threads, progress, cancellation);
    }

    /// <summary>Makes the artefact of what all shards have left, the same bytes as <see cref="Run(ImportedModel, CalibrationOptions, string, Device, int, IProgress{CalibrationProgress}?, CancellationToken)"/>
    /// gives: decides bits and corrections, and writes.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">The folder of all shards.</param>
    /// <param name="shards">How many there are.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Acts within a step; leaves what is needed to go on.</param>
    /// <exception cref="ArgumentException">Options contradict each other or the model, or there are no so many shards.</exception>
    /// <exception cref="UnsupportedModelException">The model draws latents, or needs other networks' outputs.</exception>
    /// <exception cref="ShardMissingException">A shard has not left its part, or not of this calibration.</exception>
    /// <exception cref="IOException">A file cannot be written, or another calibration of this name writes to the folder.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static CalibrationResult Merge(ImportedModel model, CalibrationOptions options, string folder, int shards, Device device, int threads = 1,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        new Shard(0, shards).Validate();
        return Run(model, options, folder, new(shards, null), device, threads, progress, cancellation)!;
    }

    /// <returns>Null of a shard.</returns>
    private static CalibrationResult? Run(ImportedModel model, CalibrationOptions options, string folder, Sharding? sharding, Device device, int threads,
        IProgress<CalibrationProgress>? progress, CancellationToken cancellation)
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
        Directory.CreateDirectory(folder);
        using IDisposable turn = CalibrationLock.Take(folder, sharding?.Own is { } own ? $"{model.Name}.{own.Index}-of-{own.Count}" : model.Name);
        if (model.Text is { } text) model = model with { Contexts = text.Encode(options.Prompts, "", device, cancellation) };
        var context = new CalibrationContext(model, solver, options, device, threads, progress, cancellation) { Sharding = sharding };
        var findings = new List<Finding>();
        if (model.Text?.Cut(options.Prompts) is { Count: > 0 } cut) findings.Add(new PromptsCut(cut, model.Text.Tokens - 2));
        if (options.Trajectories < Bootstrap.Fewest) findings.Add(new TooFewTrajectories(options.Trajectories, Bootstrap.Fewest));
        var checkpoint = new Checkpoint(folder, model.Name, Identity(model, options), findings);
        var run = new CalibrationRun(context, checkpoint);
        var decision = new DecisionPhase(run, checkpoint, findings);
        var sensitive = new SensitivePhase(run, decision, checkpoint, findings);
        var parts = new PartsPhase(context, findings);
        context.Total = run.Work + decision.Work + sensitive.Work + parts.Work;
        run.CollectActivations();
        run.QuantizeWeights();
        run.CollectNoise();
        if (sharding?.Own is not null) return null;
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
        : model.Architecture != "UNet2DModel" && model.Text is null
            ? new("_class_name", $"\"{model.Architecture}\"", "Its other inputs come from other networks of a pipeline. Supported: \"UNet2DModel\", and \"UNet2DConditionModel\" in a pipeline with its text encoder.")
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
