using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

public class CalibratorTests
{
    private static readonly CalibrationOptions Quick = new() { Steps = 2, Trajectories = 3, Rounding = RoundingChoice.Nearest, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On };

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Fact]
    public void TheArtefactIsSoundAndDoesNotDependOnThreads()
    {
        CalibrationOptions options = Quick with { Steps = 3, Policy = BitPolicy.Budget, Rounding = RoundingChoice.Gptq, PresetShare = 0.4, GuidanceMinimum = 1, GuidanceMaximum = 3, MeanCorrection = MeanCorrectionChoice.Auto, VarianceCorrection = VarianceCorrectionChoice.Auto };
        using TemporaryFolder one = new(), three = new();
        string first = Calibrate(options, one, 1), second = Calibrate(options, three, 3);
        AssertEqualArtefacts(first, second);

        using CalibrationArtifact artifact = CalibrationArtifact.Open(first); // Reads strictly: any flaw throws.
        Assert.Equal(options.Trajectories, artifact.Manifest.Provenance.Trajectories);
        Assert.Equal(1, artifact.Manifest.Steps.Count(s => s.ActivationBits == 4));
        Assert.All(artifact.Manifest.Steps, s => Assert.Equal((16, 4), (s.Covariance.Count, s.Means.Count)));
        using InterpretedSampler sampler = InterpretedSampler.FromArtifact(first);
        Assert.All(sampler.Sample(new() { Count = 2, Labels = [3, 7], Guidance = 2.5f }).Pixels.ToArray(), p => Assert.True(float.IsFinite(p)));
    }

    [Fact]
    public void AnInterruptedCalibrationGoesOnToTheSameBytes()
    {
        CalibrationOptions options = Quick with { Trajectories = 20, Activations = ActivationWidth.Eight };
        using TemporaryFolder whole = new(), parts = new();
        string expected = Calibrate(options, whole, 2);
        foreach (double share in (double[])[0.15, 0.5])
        {
            using var stop = new CancellationTokenSource();
            var progress = new Inline(p =>
            {
                if (p.Done / p.Total > share) stop.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => Calibrate(options, parts, 2, progress, stop.Token));
            Assert.NotEmpty(Directory.GetFiles(parts.Root, "*.checkpoint"));
        }

        AssertEqualArtefacts(expected, Calibrate(options, parts, 2, out IReadOnlyList<Finding> findings));
        // What was left was taken, not collected again.
        Assert.DoesNotContain(findings, f => f is CheckpointSetAside);
        Assert.Empty(Directory.GetFiles(parts.Root, "*.checkpoint"));
    }

    /// <summary>Before any statistics are: what one must wait for is a unit in FP32, of which the scales are kept, or nothing is kept of a first minute.</summary>
    [Fact]
    public void TheFirstCheckpointComesWithTheFirstUnit()
    {
        CalibrationOptions options = Quick with { Trajectories = 20, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Gptq };
        using TemporaryFolder whole = new(), parts = new();
        using var stop = new CancellationTokenSource();
        int reports = 0;
        // Two steps fix the scales; the next one is the first that is collected.
        Assert.ThrowsAny<OperationCanceledException>(() => Calibrate(options, parts, 2, new Inline(_ =>
        {
            if (++reports == 3) stop.Cancel();
        }), stop.Token));
        Assert.Equal(2, BitConverter.ToInt32(File.ReadAllBytes(parts.File("tiny.scales.checkpoint")), 4 + 32));
        Assert.False(File.Exists(parts.File("tiny.activations.checkpoint")));
        AssertEqualArtefacts(Calibrate(options, whole, 2), Calibrate(options, parts, 2));
    }

    [Fact]
    public void ASecondCalibrationIntoTheSameFolderIsRefused()
    {
        CalibrationOptions options = Quick with { Activations = ActivationWidth.Eight };
        using TemporaryFolder alone = new(), shared = new();
        string expected = Calibrate(options, alone, 2);
        var refused = new List<string>();
        string path = Calibrate(options, shared, 2, new Inline(_ => refused.Add(Assert.Throws<IOException>(() => Calibrate(options with { Seed = 9 }, shared, 1)).Message)));
        Assert.NotEmpty(refused);
        Assert.All(refused, message => Assert.StartsWith("Another calibration of 'tiny' writes to", message, StringComparison.Ordinal));
        AssertEqualArtefacts(expected, path);
        Assert.Equal(2, Directory.GetFiles(shared.Root).Length);
    }

    /// <summary>What an earlier version left must not go into a later one's artefact.</summary>
    [Fact]
    public void ACheckpointIsBoundToTheCodeThatWroteIt()
    {
        string identity = Calibrator.Identity(Model, Quick);
        Assert.All((Type[])[typeof(Calibrator), typeof(Sampler)], type => Assert.Contains($"{type.Module.ModuleVersionId}", identity, StringComparison.Ordinal));
        Assert.Equal(identity, Calibrator.Identity(Model, Quick));
    }

    [Theory]
    [InlineData("scheduler_config.json", "\"beta_end\": 0.02", "\"beta_end\": 0.01")]
    [InlineData("config.json", "\"attention_head_dim\": 32", "\"attention_head_dim\": 16")]
    public void AnotherConfigurationStartsAnew(string file, string before, string after)
    {
        CalibrationOptions options = Quick with { Activations = ActivationWidth.Eight };
        using var model = new ModelFolder();
        using TemporaryFolder whole = new(), parts = new();
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Run(parts, new Inline(p =>
        {
            if (p.Phase == "quantization noise") stop.Cancel();
        }), stop.Token));
        Assert.True(File.Exists(parts.File("tiny.activations.checkpoint")));

        string path = Path.Combine(model.Root, file), text = File.ReadAllText(path);
        Assert.Contains(before, text);
        File.WriteAllText(path, text.Replace(before, after, StringComparison.Ordinal));
        AssertEqualArtefacts(Run(whole), Run(parts));

        string Run(TemporaryFolder folder, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
        {
            using var device = new CpuDevice(2);
            return Calibrator.Run(DiffusersImporter.Load(model.Root, "tiny"), options, folder.Root, device, 2, progress, cancellation).ManifestPath;
        }
    }

    [Fact]
    public void TheBudgetsCostsAreWrittenAfterEachStep()
    {
        CalibrationOptions options = Quick with { Steps = 4, PresetShare = 0.4 };
        using TemporaryFolder whole = new(), parts = new();
        string expected = Calibrate(options, whole, 2);
        using var stop = new CancellationTokenSource();
        int steps = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => Calibrate(options, parts, 2, new Inline(p =>
        {
            if (p.Phase == "cost of each step" && ++steps == 3) stop.Cancel();
        }), stop.Token));
        // Magic and identity, then the steps done: the first report is of the FP32 images that errors are measured against.
        Assert.Equal(2, BitConverter.ToInt32(File.ReadAllBytes(parts.File("tiny.costs.checkpoint")), 4 + 32));
        AssertEqualArtefacts(expected, Calibrate(options, parts, 2));
        Assert.Empty(Directory.GetFiles(parts.Root, "*.checkpoint"));
    }

    [Fact]
    public void EveryWidthIsMeasuredTeacherForcedAndFreeRunning()
    {
        CalibrationOptions options = Quick with { Steps = 3, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off };
        using var folder = new TemporaryFolder();
        string path = Calibrate(options, folder, 2);
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        CalibrationManifest manifest = artifact.Manifest;
        Assert.Equal([(8, 8), (4, 8), (4, 4)], manifest.Statistics.Select(s => (s.WeightBits, s.ActivationBits)));
        NoiseStatistics own = manifest.Statistics[1];
        Assert.Equal(manifest.Steps.Select(s => s.SnrDb), own.SnrDb.Value);
        Assert.Equal(manifest.Steps.Select(s => s.K), own.K.Value);
        Assert.Equal(manifest.Steps.Select(s => s.NoiseVariance), own.NoiseVariance);
        Assert.All(manifest.Statistics, s => Assert.All(Enumerable.Range(0, 3), t =>
            Assert.True(s.SnrDb.Low[t].Value <= s.SnrDb.Value[t].Value && s.SnrDb.Value[t].Value <= s.SnrDb.High[t].Value && s.SnrDb.Low[t].Value < s.SnrDb.High[t].Value)));
        Assert.True(manifest.Statistics[0].SnrDb.Value[1].Value > own.SnrDb.Value[1].Value && own.SnrDb.Value[1].Value > manifest.Statistics[2].SnrDb.Value[1].Value);

        // Nothing is corrected, so the artefact's images are the free-running ones.
        using InterpretedSampler quantized = InterpretedSampler.FromArtifact(path), exact = InterpretedSampler.Float32(Model, 3, 1);
        float[][] images = [.. ((InterpretedSampler[])[exact, quantized]).Select(s => s.Sample(new() { Count = 3, Labels = TrajectoryLabels.Of(Model, 0, 0, 3) }).Pixels.ToArray())];
        Assert.Equal(new PairedImages(images[0], images[1], 28 * 28).PooledSnrDb().Value, own.FreeRunningSnrDb.Value[2].Value, 1e-4);
    }

    [Theory]
    [InlineData(4, ActivationWidth.Four)]
    [InlineData(8, ActivationWidth.Eight)]
    public void UniformWidthsAndDeterministicSamplersWork(int weights, ActivationWidth activations)
    {
        using var folder = new TemporaryFolder();
        string path = Calibrate(Quick with { Eta = 0, WeightBits = weights, Activations = activations }, folder, 2);
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        Assert.Equal("uniform", artifact.Manifest.Sampling.Policy);
        Assert.All(artifact.Manifest.Steps, s => Assert.Equal((activations == ActivationWidth.Four ? 4 : 8, 0.0), (s.ActivationBits, s.CalibratedSigma.Value)));
        Assert.False(artifact.Manifest.Sampling.VarianceCorrection);
    }

    [Fact]
    public void AttentionsProductsHaveEightBitsWhenAskedTo()
    {
        using TemporaryFolder full = new(), eight = new();
        CalibrationOptions options = Quick with { Activations = ActivationWidth.Eight, WeightBits = 8 };
        using CalibrationArtifact without = CalibrationArtifact.Open(Calibrate(options, full, 2)), with = CalibrationArtifact.Open(Calibrate(options with { AttentionBits = 8 }, eight, 2));
        Manifest.AttentionOperation[] attentions = [.. with.Manifest.Network.Operations.OfType<Manifest.AttentionOperation>()];
        Assert.Equal([8], attentions.Select(a => a.ProductBits).Distinct());
        Assert.Equal(without.Manifest.Steps[0].Scales.Count + 3 * attentions.Length, with.Manifest.Steps[0].Scales.Count);
        Assert.Contains("--attention 8", with.Manifest.Provenance.Options);
        Assert.DoesNotContain(without.Manifest.Provenance.Options, o => o.StartsWith("--attention", StringComparison.Ordinal));
        // All else is equal: the saved operations are exactly those of the two products.
        Assert.True(with.Manifest.Sampling.BitOperationsSaved.Value > without.Manifest.Sampling.BitOperationsSaved.Value);
        Assert.Equal(File.ReadAllBytes(Path.Combine(full.Root, "tiny.weights.safetensors")), File.ReadAllBytes(Path.Combine(eight.Root, "tiny.weights.safetensors")));
        // The products' noise is measured: it is there, and small beside that of 8-bit layers.
        Assert.NotEqual(without.Manifest.Steps[0].NoiseVariance, with.Manifest.Steps[0].NoiseVariance);
        Assert.Equal(without.Manifest.Steps[0].SnrDb.Value, with.Manifest.Steps[0].SnrDb.Value, 1.0);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void SensitiveLayersThatDoNotHelpLeaveTheArtefactAsItWas()
    {
        CalibrationOptions options = Quick with { Steps = 4, Policy = BitPolicy.Budget, PresetShare = 0.25 };
        using TemporaryFolder plain = new(), one = new(), three = new();
        using CalibrationArtifact without = CalibrationArtifact.Open(Calibrate(options, plain, 2));
        string first = Calibrate(options with { SensitiveLayers = 2 }, one, 1, out IReadOnlyList<Finding> findings);
        AssertEqualArtefacts(first, Calibrate(options with { SensitiveLayers = 2 }, three, 3));

        // Here they lose: two more steps with 4-bit activations cost more than two layers give.
        Assert.False(Assert.Single(findings.OfType<LayersDecided>()).Kept);
        using CalibrationArtifact with = CalibrationArtifact.Open(first);
        Assert.Equal(without.Manifest.Network, with.Manifest.Network);
        Assert.Equal(without.Manifest.Steps, with.Manifest.Steps);
    }

    [Fact]
    public void ALayerThatFourBitsRuinIsKeptAtEightForNoMoreBitOperations()
    {
        const string layer = "down_blocks.0.resnets.0.conv1";
        using var model = new ModelFolder();
        // One weight of each output channel takes the whole range, so that 4 bits leave nothing of the others.
        model.WithTensors((name, shape, data) => (shape, name == $"{layer}.weight" ? [.. data.Select((w, i) => i % (32 * 9) == 4 ? 3 : w)] : data));
        using TemporaryFolder folder = new(), plain = new();
        using var device = new CpuDevice(2);
        CalibrationOptions options = Quick with { Steps = 4, Policy = BitPolicy.Budget, PresetShare = 0.25 };
        using CalibrationArtifact without = CalibrationArtifact.Open(Calibrator.Run(DiffusersImporter.Load(model.Root, "tiny"), options, plain.Root, device, 2).ManifestPath);

        // Two may be kept; the second would only take 8 bits from the activations of a step.
        CalibrationResult result = Calibrator.Run(DiffusersImporter.Load(model.Root, "tiny"), options with { SensitiveLayers = 2 }, folder.Root, device, 2);

        LayerCountsTried counts = Assert.Single(result.Findings.OfType<LayerCountsTried>());
        Assert.Equal([2, 1], counts.Tried.Select(t => t.Layers));
        Assert.Equal(counts.Tried.MinBy(t => t.ErrorDb).Layers, Assert.Single(result.Findings.OfType<LayersDecided>()).Layers.Count);
        Assert.True(Assert.Single(result.Findings.OfType<LayersDecided>()).Kept);
        using CalibrationArtifact with = CalibrationArtifact.Open(result.ManifestPath);
        Assert.Equal(["conv_in", layer, "conv_out"], with.Manifest.Network.Operations.OfType<Manifest.ConvolutionOperation>().Where(o => o.WeightBits == 8).Select(o => o.Name));
        Assert.True(with.Manifest.Sampling.BitOperationsSaved.Value >= without.Manifest.Sampling.BitOperationsSaved.Value * (1 - 1e-6));
        Assert.True(with.Manifest.Steps.Count(s => s.ActivationBits == 4) > without.Manifest.Steps.Count(s => s.ActivationBits == 4));
        // It is still that model's.
        Assert.Equal(with.Manifest.Model.Sha256, CalibratedModel.Import(result.ManifestPath, with, model.Root).Sha256);
    }

    [Fact]
    public void SecondOrderRoundingAndMoreBitsLowerTheNoise()
    {
        double nearest = Snr(RoundingChoice.Nearest, 4), second = Snr(RoundingChoice.Gptq, 4), eight = Snr(RoundingChoice.Gptq, 8);
        Assert.True(nearest + 3 < second && second + 1 < eight, $"{nearest}, {second}, {eight} dB");

        double Snr(RoundingChoice rounding, int bits)
        {
            using var folder = new TemporaryFolder();
            using CalibrationArtifact artifact = CalibrationArtifact.Open(Calibrate(
                Quick with { Trajectories = 8, Rounding = rounding, WeightBits = bits, Activations = ActivationWidth.Eight, VarianceCorrection = VarianceCorrectionChoice.Off }, folder, 2));
            return artifact.Manifest.Steps[0].SnrDb.Value;
        }
    }

    [Fact]
    public void ContradictoryOptionsAreRefused()
    {
        (CalibrationOptions Options, string Message)[] cases =
        [
            (Quick with { Trajectories = 0 }, "trajectories"),
            (Quick with { Steps = 0 }, "steps"),
            (Quick with { WeightBits = 5 }, "4 or 8"),
            (Quick with { AttentionBits = 4 }, "8 bits or 32"),
            (Quick with { SensitiveLayers = -1 }, "0 or more"),
            (Quick with { SensitiveLayers = 1, Policy = BitPolicy.Preset }, "policy 'budget'"),
            (Quick with { WeightBits = 8 }, "8-bit weights"),
            (Quick with { Guidance = 2 }, "outside the interval"),
            (Quick with { Skip = ["nowhere"] }, "nowhere"),
            (Quick with { Scheduler = "ddpm", Eta = 0 }, "η"),
            (Quick with { PresetShare = 2 }, "between 0 and 1"),
        ];
        using var folder = new TemporaryFolder();
        foreach (var (options, message) in cases)
            Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(() => Calibrate(options, folder, 1)).Message);
        ImportedModel withoutNull = DiffusersImporter.Load(ModelFolder.Source, "tiny");
        using var device = new CpuDevice(1);
        Assert.Contains("null label", Assert.Throws<ArgumentException>(() => Calibrator.Run(withoutNull, Quick with { GuidanceMaximum = 2 }, folder.Root, device)).Message);
    }

    private static string Calibrate(CalibrationOptions options, TemporaryFolder folder, int threads, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var device = new CpuDevice(threads);
        return Calibrator.Run(Model, options, folder.Root, device, threads, progress, cancellation).ManifestPath;
    }

    private static string Calibrate(CalibrationOptions options, TemporaryFolder folder, int threads, out IReadOnlyList<Finding> findings)
    {
        using var device = new CpuDevice(threads);
        CalibrationResult result = Calibrator.Run(Model, options, folder.Root, device, threads);
        findings = result.Findings;
        return result.ManifestPath;
    }

    private static void AssertEqualArtefacts(string expected, string actual)
    {
        Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(actual));
        Assert.Equal(File.ReadAllBytes(Weights(expected)), File.ReadAllBytes(Weights(actual)));

        static string Weights(string manifest) => manifest.Replace(".calibration.json", ".weights.safetensors");
    }

    private sealed class Inline(Action<CalibrationProgress> report) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(value);
    }
}
