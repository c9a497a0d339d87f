using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Manifest;

namespace Specializer.Reporting;

/// <summary>Evaluates an artefact beside FP32 and, step by step of the method, beside what it would be with less.</summary>
public static class ArtifactEvaluation
{
    // Keeps the evaluation's noise apart from that of the calibration, whose seed is usually a small number.
    private const ulong SeedDistance = 0x5EED_0000;

    // For the time left, before it is known which rows draw the same images.
    private const int MostRows = 28;

    /// <summary>Runs the evaluation.</summary>
    /// <param name="manifestPath">Path of <c>NAME.calibration.json</c>; the weights lie beside it.</param>
    /// <param name="modelFolder">The FP32 model that was calibrated, in diffusers' layout.</param>
    /// <param name="options">What to evaluate.</param>
    /// <param name="device">Where samplers run.</param>
    /// <param name="threads">Threads for everything else; only times depend on it.</param>
    /// <param name="progress">Told after each unit of work.</param>
    /// <param name="cancellationToken">Acts within a step.</param>
    /// <exception cref="IOException">A file is missing, malformed, or does not belong to the others.</exception>
    /// <exception cref="ArgumentException">The options are not possible for this model.</exception>
    public static EvaluationReport Run(string manifestPath, string modelFolder, EvaluationOptions options, Device device, int threads,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(device);
        if (options.Images < 2) throw new ArgumentException($"{options.Images} images give no interval; ask for at least 2.", nameof(options));
        if (options.FirstImage < 0) throw new ArgumentException($"The first image is {options.FirstImage}; images are counted from 0.", nameof(options));
        if (options is { Engine: not null, Ablation: false }) throw new ArgumentException("The engine learns rows of the ablation, and there is none. Ask for the full ablation, or leave the engine out.", nameof(options));
        if (options.Engine is { CanReconstruct: false } engine) throw new ArgumentException($"The engine '{engine.Name}' has no automatic differentiation, so it can learn no rounding. Use torchsharp, or leave the engine out.", nameof(options));
        if (options.Samples.Where((count, i) => count <= (i == 0 ? 0 : options.Samples[i - 1])).Any())
            throw new ArgumentException($"The numbers of trajectories of --samples are {string.Join(", ", options.Samples)}; each must be larger than the one before, and the first at least 1.", nameof(options));
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifestPath);
        CalibrationManifest manifest = artifact.Manifest;
        ImportedModel model = CalibratedModel.Import(manifestPath, artifact, modelFolder);
        SchedulerRun solver = CalibratedModel.Schedule(manifestPath, manifest, model);
        if (model.Text is not null && options.Prompts.Count == 0) throw new ArgumentException($"{model.Name} draws what prompts say: give some to compare with (--prompts FILE, one in each line).", nameof(options));
        if (model.Text is null && options.Prompts.Count > 0) throw new ArgumentException($"{model.Name} has no text encoder and takes no prompts.", nameof(options));
        options.Contexts?.Check(model);
        if (options.Contexts is null && GivenContexts.Expected(model) is { } expected) throw new ArgumentException($"{model.Name} reads more than its state. Give contexts to compare with (--contexts FILE.safetensors): {expected}.", nameof(options));
        if (options.Contexts is { HasNegative: false } && manifest.Sampling.Guidance.Value != 1)
            throw new ArgumentException($"{model.Name} was calibrated for guidance {manifest.Sampling.Guidance}, which needs what it leads away from beside the contexts: tensors with '{GivenContexts.Negative}' before the name.", nameof(options));
        if ((options.Ablation || options.Samples.Count > 0) && (model.Text is not null || model.Decoder is not null || options.Contexts is not null))
            throw new ArgumentException("Rows of the ablation and of --samples are calibrated without text encoder, decoder and contexts. Leave them out (--ablation none).", nameof(options));
        DigitReference? digits = options.ClassifierFolder is { } folder ? Digits(folder, manifest.Model, options.Images, threads) : null;

        CalibrationOptions calibrated = Options(manifest, options);
        options.MemoryPredicted?.Invoke(Memory(model, manifest, options, calibrated));
        var context = new CalibrationContext(model, solver, calibrated, device, threads, progress, cancellationToken) { Meter = new(progress) { Total = DrawingWork(options, 1) } };
        string identity = Identity(artifact, options, model, device);
        Checkpoint checkpoint = Kept("");
        if (options.ResumeFolder is { } resume)
        {
            Disk.CreateFolder(resume);
            AtomicFile.DeleteAbandoned(Path.GetFullPath(Path.Combine(resume, $"{manifest.Model.Name}.evaluation")));
        }

        List<AblationRow> rows = [];
        if (options.Ablation)
        {
            calibrated.Validate(model);
            var all = new AblationRows(manifest, learned: options.Engine is not null);
            var calibration = new AblationCalibration(context with { Options = Undecided(calibrated, manifest) }, checkpoint, all.Variants, all.Plans, options.Engine);
            context.Meter.Total = calibration.Work + DrawingWork(options, MostRows);
            calibration.Run();
            rows.AddRange(all.All(calibration));
        }

        var own = new AblationRow("artefact", AblationRows.Widths(manifest), manifest, artifact.Tensor) { Change = "the artefact's own calibration", Against = AblationRows.Beside(rows, manifest) };
        if (options.Ablation) rows.AddRange(DecisionRows.Without(own));
        rows.AddRange(SampleCurve.Rows(context, manifest, options.Samples, count => Kept($"{count}-trajectories.")));
        rows.Add(own);
        EvaluationReport report = Draw(context, checkpoint, manifest, rows, options, digits);
        // Of every phase, also of those that this run found done and did not come to.
        checkpoint.ExpectAll();
        checkpoint.Delete();
        return report;

        Checkpoint Kept(string prefix) => new(options.ResumeFolder, $"{manifest.Model.Name}.evaluation", identity, prefix: prefix);
    }

    /// <summary>What is held at most: FP32 and the rows beside it, and what calibrates the rows.</summary>
    private static long Memory(ImportedModel model, CalibrationManifest manifest, EvaluationOptions options, CalibrationOptions calibrated)
    {
        LinkedNetwork exact = PipelineParts.Float32(model).Link(model.StoredNetwork);
        int images = WorkingMemory.SessionImages(exact), rows = (options.Ablation ? MostRows : 1) + options.Samples.Count;
        return WorkingMemory.Program + WorkingMemory.Of(exact, images) + rows * WorkingMemory.Of(LinkedNetwork.Of(manifest), images) + (rows == 1 ? 0 : MemoryPlan.Of(model, calibrated).Peak);
    }

    /// <summary>Everything that decides an evaluation's state: artefact, options, and the code.</summary>
    private static string Identity(CalibrationArtifact artifact, EvaluationOptions options, ImportedModel model, Device device)
    {
        Type[] code = [typeof(ArtifactEvaluation), typeof(Calibrator), typeof(Device)];
        return string.Join('\n', (string[])
        [
            Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(artifact.Text))), model.Sha256, model.ConfigurationSha256, device.Name,
            FormattableString.Invariant($"{options.FirstImage} {options.Images} {options.Ablation} {options.Trajectories} {string.Join(',', options.Samples)} {options.Engine?.Name} {options.Reconstruction} {options.ClassifierFolder}"),
            .. code.Select(type => $"{type.Module.ModuleVersionId}"),
            .. options.Prompts, options.Contexts?.Sha256 ?? "",
        ]);
    }

    /// <summary>What the artefact was calibrated for, with the ablation's number of trajectories.</summary>
    private static CalibrationOptions Options(CalibrationManifest manifest, EvaluationOptions options) => new()
    {
        Steps = manifest.Steps.Count, Trajectories = options.Trajectories,
        Guidance = manifest.Sampling.Guidance.Value, GuidanceMinimum = manifest.Sampling.GuidanceMinimum.Value, GuidanceMaximum = manifest.Sampling.GuidanceMaximum.Value,
        Seed = (ulong)manifest.Provenance.FirstSeed, Reconstruction = options.Reconstruction,
        AttentionBits = manifest.Network.Operations.OfType<AttentionOperation>().Select(a => a.ProductBits).DefaultIfEmpty(32).Min(),
        Skip = [.. manifest.Network.Operations.OfType<ConvolutionOperation>().Where(c => !c.IsInteger).Select(c => c.Name)],
    };

    /// <summary>What evidence left in floating point is a row of the ablation, beside 8 bits.</summary>
    internal static CalibrationOptions Undecided(CalibrationOptions options, CalibrationManifest manifest) =>
        DecisionRows.Asked(manifest, "first-convolution") ? options with { Skip = [.. options.Skip.Except(QuantizedNetwork.Entering(manifest.Network))] } : options;

    private static EvaluationReport Draw(CalibrationContext context, Checkpoint checkpoint, CalibrationManifest manifest, List<AblationRow> rows, EvaluationOptions options, DigitReference? digits)
    {
        (ImportedModel model, Device device) = (context.Model, context.Device);
        // Rows that compute the same are drawn once.
        int[] drawnAs = [.. rows.Select((r, i) => rows.FindIndex(o => r.Draws(o)) is >= 0 and var first ? first : i)];
        int[] drawn = [.. drawnAs.Distinct()];
        ulong seed = (ulong)manifest.Provenance.FirstSeed ^ SeedDistance;
        List<Sampler> samplers = [];
        try
        {
            var float32 = InterpretedSampler.Float32(model, context.Program, device, manifest.Sampling.Guidance.Single);
            samplers.Add(float32);
            samplers.AddRange(drawn.Select(i => InterpretedSampler.FromManifest(rows[i].Manifest, rows[i].Tensor, device)));
            using var run = new PairedRun(samplers, options, seed, digits, checkpoint, [.. options.Prompts.Select(p => model.Text!.Ids(p))]);
            double drawing = DrawingWork(options, drawn.Length);
            context.Meter.Total = context.Meter.Done + drawing;
            run.Run(phase => context.Report(phase, drawing / run.Units), units => context.Resume("paired images", units * drawing / run.Units), context.Cancellation);

            RowMeasurement[] measured = [.. rows.Select((_, i) => run.Rows[1 + Array.IndexOf(drawn, drawnAs[i])])];
            var floors = digits is null ? null : new SamplingFloors(digits.RealAccuracy, digits.RealFrechet, digits.Distance(run.Rows[0].Features, run.OtherFloat32Features));
            SamplerDescription d = float32.Description;
            context.Report("intervals", context.Meter.Total);
            return new()
            {
                Model = d.Name, Scheduler = manifest.Scheduler.Family, Eta = manifest.Scheduler["eta"] is { } eta ? double.Parse(eta, NumberStyles.Float, CultureInfo.InvariantCulture) : null, Guidance = d.EmbeddedGuidance ?? d.Guidance, Timesteps = [.. d.Steps.Select(s => s.Timestep)],
                Images = options.Images, FirstImage = options.FirstImage, Seed = seed, Trajectories = options.Ablation ? options.Trajectories : 0, Device = device.Name,
                CountingRule = NetworkCost.Rule, Floors = floors, Corrections = ShippedCorrections.Of(manifest),
                Pictures = PicturePair.Of(run.Rows[0], measured[^1], d, options, seed),
                Layers = LayerInspection.Of(manifest.Network, manifest.Steps.Count),
                Statistics = [.. manifest.Statistics.Select(WidthFigures.Of)],
                Decisions = options.Ablation ? [.. DecisionRows.Of(rows[^1], rows).AsParallel().AsOrdered().WithCancellation(context.Cancellation).Select(Check)] : [],
                Rows =
                [
                    new()
                    {
                        Name = "FP32", Bits = "FP32", BitOperationsSaved = 1, Bytes = d.Float32Bytes, MsPerImage = RowMeasurement.MedianOfBatches(run.Rows[0].Milliseconds),
                        Digits = Figures(run.Rows[0]),
                    },
                    .. rows.AsParallel().AsOrdered().WithCancellation(context.Cancellation).Select((row, i) => Row(row, measured[i], samplers[1 + Array.IndexOf(drawn, drawnAs[i])].Description)),
                ],
            };

            ReportRow Row(AblationRow row, RowMeasurement own, SamplerDescription description) => new()
            {
                Name = row.Name, Bits = row.Bits, Trajectories = row.Trajectories, SnrDb = own.Moments.Paired.PooledSnrDb(), MedianSnrDb = own.Moments.Paired.MedianSnrDb(), PsnrDb = own.Moments.Paired.PooledPsnrDb(),
                DriftDb = own.DriftDb, BitOperationsSaved = row.Manifest.Sampling.BitOperationsSaved.Value, Bytes = description.WeightBytes,
                MsPerImage = RowMeasurement.MedianOfBatches(own.Milliseconds),
                Speedup = RowMeasurement.MedianOfBatches(run.Rows[0].Milliseconds.Zip(own.Milliseconds, (reference, ms) => reference / ms)),
                Digits = Figures(own),
                Verdict = row is { Change: { } change, Against: { } against }
                    ? Verdict.Of(change, against, row.Criterion, Moments(against), own.Moments) : null,
                Steps = [.. row.Manifest.Steps.Select(s => new StepFigures(s.ActivationBits, s.SnrDb.Value, s.K.Value, s.RSquared.Value, s.Sigma.Value, s.CalibratedSigma.Value) { RemovedVariance = s.RemovedVariance.Value })],
            };

            DecisionCheck Check((string Decision, bool Applied, string With, string Without, Criterion Criterion) d) => new(d.Decision, d.Applied, d.With, HeldOutImages.Count(new() { Trajectories = manifest.Provenance.Trajectories }),
                Verdict.Of(d.Decision, d.Without, d.Criterion, Moments(d.Without), Moments(d.With)));

            ImageMoments Moments(string name) => measured[rows.FindIndex(r => r.Name == name)].Moments;

            DigitFigures? Figures(RowMeasurement row) => digits is null ? null
                : new(model.Classes == 0 ? null : row.LabelAccuracy, digits.Distance(row.Features), digits.Distance(row.Features, run.OtherFloat32Features));
        }
        finally
        {
            foreach (Sampler sampler in samplers) sampler.Dispose();
        }
    }

    /// <summary>In evaluations of a unit's trajectories.</summary>
    private static double DrawingWork(EvaluationOptions options, int rows) =>
        (double)options.Images / ReferenceTrajectories.UnitImages * ((options.ClassifierFolder is null ? 1 : 2) + rows * WorkShares.Drawn);

    private static DigitReference Digits(string folder, ModelIdentity model, int images, int threads)
    {
        int classes = model.NullLabel < 0 ? model.Classes : model.Classes - 1;
        return (model.Height, model.Width, model.Channels) is (DigitClassifier.Size, DigitClassifier.Size, 1) && classes is 0 or DigitClassifier.Classes
            ? DigitReference.Open(folder, images, threads)
            : throw new ArgumentException($"The classifier reads 28×28 digits; {model.Name} draws {model.Height}×{model.Width}×{model.Channels} images of {classes} classes. Leave --classifier out.");
    }
}
