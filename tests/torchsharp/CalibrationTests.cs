using Specializer.Calibration;
using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.TorchSharp.Tests;

public class CalibrationTests
{
    private static readonly CalibrationOptions s_quick = new()
    {
        Steps = 2, Trajectories = 2, Eta = 0, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    [TorchFact]
    public void Trajectories_on_libtorch_give_nearly_the_same_artefact()
    {
        CalibrationOptions options = s_quick with { Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest };
        using TemporaryFolder ours = new(), torch = new();
        using CalibrationArtifact expected = CalibrationArtifact.Open(Calibrate(options, ours)), actual = CalibrationArtifact.Open(Calibrate(options with { Engine = Torch.Engine() }, torch));
        Assert.Contains("--engine torchsharp", actual.Manifest.Provenance.Options);
        Assert.DoesNotContain(expected.Manifest.Provenance.Options, o => o.StartsWith("--engine", StringComparison.Ordinal));
        Assert.Equal(expected.Manifest.Weights.Sha256, actual.Manifest.Weights.Sha256); // Rounding to nearest sees no trajectory.
        foreach (var (e, a) in expected.Manifest.Steps.Zip(actual.Manifest.Steps))
            Assert.All(e.Scales.Zip(a.Scales), pair => Assert.InRange(pair.Second.Value / pair.First.Value, 0.97, 1.03));
    }

    [TorchFact]
    public void Learned_weights_and_steps_make_a_sound_artefact_and_are_not_learned_twice()
    {
        CalibrationOptions options = s_quick with { Rounding = RoundingChoice.Reconstruct, Reconstruction = new() { Iterations = 10, BatchSize = 4, RoundingRate = 1e-2 }, Engine = Torch.Engine() };
        using TemporaryFolder learned = new(), started = new();
        using var stop = new CancellationTokenSource();
        var phases = new List<string>();
        Assert.ThrowsAny<OperationCanceledException>(() => Calibrate(options, learned, new Inline(p =>
        {
            phases.Add(p.Phase);
            if (p.Phase == "quantization noise") stop.Cancel();
        }), stop.Token));
        Assert.Contains(phases, p => p.StartsWith("reconstruction of mid_block.resnets.0", StringComparison.Ordinal));
        phases.Clear();
        using CalibrationArtifact artifact = CalibrationArtifact.Open(Calibrate(options, learned, new Inline(p => phases.Add(p.Phase))));
        Assert.DoesNotContain(phases, p => p.StartsWith("reconstruction", StringComparison.Ordinal));
        Assert.Contains("--reconstruction 10,0.01,20,2,0.2,4,0.01,0.001,0", artifact.Manifest.Provenance.Options);

        using CalibrationArtifact gptq = CalibrationArtifact.Open(Calibrate(options with { Rounding = RoundingChoice.Gptq }, started));
        Assert.NotEqual(gptq.Manifest.Weights.Sha256, artifact.Manifest.Weights.Sha256);
        Assert.NotEqual(gptq.Manifest.Steps.SelectMany(s => s.Scales), artifact.Manifest.Steps.SelectMany(s => s.Scales));
        Assert.Equal(gptq.Manifest.Steps.SelectMany(s => s.ZeroPoints), artifact.Manifest.Steps.SelectMany(s => s.ZeroPoints));
    }

    private static string Calibrate(CalibrationOptions options, TemporaryFolder folder, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var device = new CpuDevice(2);
        ImportedModel model = DiffusersImporter.Load(Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"));
        return Calibrator.Run(model, options, folder.Root, device, 2, progress, cancellation).ManifestPath;
    }

    private sealed class Inline(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value)
        {
            Assert.InRange(value.Done, 0, value.Total);
            report(value);
        }
    }
}
