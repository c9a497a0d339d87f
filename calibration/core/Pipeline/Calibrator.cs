using Specializer.Formats;
using Specializer.Manifest;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>Calibrates a model: FP32 trajectories, quantization, noise statistics on the integer kernels, corrections and bits per step.</summary>
public static class Calibrator
{
    /// <summary>Calibrates and writes the artefact.</summary>
    /// <param name="model">The model; with a null label when guidance is wanted.</param>
    /// <param name="options">What to calibrate for.</param>
    /// <param name="folder">Where to write; created when missing.</param>
    /// <param name="device">Where networks run.</param>
    /// <param name="threads">Threads for everything else; the artefact does not depend on it.</param>
    /// <param name="progress">Told after each unit of work.</param>
    /// <param name="cancellation">Acts within a step.</param>
    /// <returns>Path of the manifest.</returns>
    /// <exception cref="ArgumentException">Options contradict each other or the model.</exception>
    /// <exception cref="ArithmeticException">An activation is not finite.</exception>
    public static string Run(ImportedModel model, CalibrationOptions options, string folder, Device device, int threads,
        IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate(model);
        Scheduler scheduler = model.CreateScheduler(options.Sampler, options.Steps, options.Eta);
        var run = new CalibrationRun(model, scheduler, options, device, Math.Max(1, threads), progress, cancellation);
        run.CollectActivations();
        run.QuantizeWeights();
        run.CollectNoise();
        CalibrationManifest manifest = run.Decide();
        Directory.CreateDirectory(folder);
        var weights = new SafetensorsWriter();
        run.Tensors.AddTo(weights);
        return ArtifactWriter.Write(folder, manifest, weights).Path;
    }
}
