using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>One calibration for several solvers: a manifest each, on one weights file.</summary>
public sealed class SeveralSolversTests(SeveralSolversTests.Calibrated calibrated) : IClassFixture<SeveralSolversTests.Calibrated>
{
    private static readonly string[] s_both = ["ddim", "dpmsolver++"];

    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 3, Trajectories = 4, Activations = ActivationWidth.Eight, MeanCorrection = MeanCorrectionChoice.Divide, Schedulers = s_both,
    };

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Fact]
    public void Manifests_are_named_after_their_scheduler_and_share_one_file()
    {
        Assert.Equal(["tiny-ddim.calibration.json", "tiny-dpmsolverpp.calibration.json"], calibrated.Result.ManifestPaths.Select(Path.GetFileName));
        Assert.Equal(["tiny-ddim.calibration.json", "tiny-dpmsolverpp.calibration.json", "tiny.weights.safetensors"], Directory.GetFiles(calibrated.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        CalibrationManifest[] manifests = [.. calibrated.Result.ManifestPaths.Select(Read)];
        Assert.Equal(s_both, manifests.Select(m => m.Scheduler.Family));
        Assert.Equal(["tiny-ddim", "tiny-dpmsolverpp"], manifests.Select(m => m.Model.Name));
        Assert.Single(manifests.Select(m => m.Weights).Distinct());
        Assert.Equal([(6, 0), (6, 3)], manifests.Select(m => (m.Network.Embedding.Rows, m.Network.Embedding.FirstRow)));
        Assert.Single(manifests.Select(m => new WeightKey(m.Network, m.Steps.Count, m.Weights.Sha256).ResourceName).Distinct());
        Assert.NotEqual(manifests[0].Steps[0].Scales, manifests[1].Steps[0].Scales);
        Assert.All(manifests, m => Assert.Equal(s_both.Select(s => $"--scheduler {s}"), m.Provenance.Options.Where(o => o.StartsWith("--scheduler", StringComparison.Ordinal))));
        Assert.Equal(s_both, calibrated.Result.Findings.OfType<WithScheduler>().Select(f => f.Scheduler).Distinct());
    }

    /// <summary>Weights that are rounded to nearest depend on no states: what is left to differ is which rows the steps read.</summary>
    [Fact]
    public void Each_manifest_draws_what_a_calibration_for_its_scheduler_alone_draws()
    {
        using var together = new TemporaryFolder();
        CalibrationOptions nearest = s_options with { Rounding = RoundingChoice.Nearest };
        foreach (string manifest in Run(nearest, together).ManifestPaths)
        {
            using var alone = new TemporaryFolder();
            CalibrationResult own = Run(nearest with { Scheduler = Read(manifest).Scheduler.Family }, alone);
            Assert.Equal("tiny.calibration.json", Path.GetFileName(own.ManifestPath));
            Assert.Equal(Draw(own.ManifestPath), Draw(manifest));
        }
    }

    [Fact]
    public void Weights_are_rounded_for_the_states_of_all()
    {
        using TemporaryFolder alone = new(), turned = new();
        using CalibrationArtifact both = CalibrationArtifact.Open(calibrated.Result.ManifestPath), ddim = CalibrationArtifact.Open(Run(s_options with { Scheduler = "ddim" }, alone).ManifestPath);
        using CalibrationArtifact other = CalibrationArtifact.Open(Run(s_options with { Schedulers = [.. s_both.Reverse()] }, turned).ManifestPath);
        string[] layers = [.. both.Manifest.Network.Operations.OfType<ConvolutionOperation>().Where(c => c.WeightBits == 4).Select(c => c.Name)];
        Assert.Contains(layers, layer => !Weights(both, layer).AsSpan().SequenceEqual(Weights(ddim, layer)));
        Assert.All(layers, layer => Assert.Equal(Weights(both, layer), Weights(other, layer)));

        static byte[] Weights(CalibrationArtifact artifact, string layer)
        {
            string name = $"{layer}.weight";
            return artifact.Tensor(name, Packing.WeightTensors.Of(artifact.Manifest.Network, artifact.Manifest.Steps.Count)[name].Bytes);
        }
    }

    [Fact]
    public async Task Interrupted_or_split_it_gives_the_same_bytes()
    {
        using TemporaryFolder parts = new(), shards = new();
        using var device = new CpuDevice(2);
        foreach (double share in (double[])[0.3, 0.6])
        {
            using var stop = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(() => Calibrator.Run(Model, s_options, parts.Root, device, 2, new Stop(share, stop), stop.Token));
        }

        CalibrationResult result = Run(s_options, parts);
        AssertSame(result);
        Assert.DoesNotContain(result.Findings, f => f is CheckpointSetAside);
        Assert.Empty(Directory.GetFiles(parts.Root, "*.checkpoint"));
        // Side by side, for they wait for each other: four trajectories are one unit, which one of the two collects.
        await Task.WhenAll(Enumerable.Range(0, 2).Select(shard => Task.Run(() =>
        {
            using var own = new CpuDevice(1);
            Assert.Null(Calibrator.Run(Model, s_options, shards.Root, UnitRanges.Of(new(shard, 2)), own));
        })));
        AssertSame(Calibrator.Run(Model, s_options, shards.Root, UnitRanges.Merge(2), device, 2)!);
    }

    /// <summary>Each group's moments are collected along the trajectories of all.</summary>
    [Fact]
    public void Groups_of_layers_do_not_show()
    {
        CalibrationOptions all = s_options with { Evaluations = 6 };
        QuantizedNetwork[] networks = [.. QuantizationVariant.Measured(all).Select(v => v.WeightBits).Distinct().Select(bits => QuantizedNetwork.Of(Model.Network, bits, []))];
        long least = new MemoryPlan(Model, networks, all, secondOrder: true, solvers: 2).Least;
        Assert.InRange(new MemoryPlan(Model, networks, all with { Memory = least }, secondOrder: true, solvers: 2).Groups.Count, 2, 60);
        using var folder = new TemporaryFolder();
        AssertSame(Run(s_options with { Memory = least }, folder));
        Assert.Empty(Directory.GetFiles(folder.Root, "*.checkpoint"));
    }

    private void AssertSame(CalibrationResult result)
    {
        foreach ((string expected, string actual) in calibrated.Result.ManifestPaths.Zip(result.ManifestPaths)) Assert.Equal(File.ReadAllText(expected), File.ReadAllText(actual));
    }

    [Fact]
    public void Each_is_evaluated_beside_its_own_run()
    {
        using var device = new CpuDevice(2);
        // Which looks at each step and at its row of the table before it draws.
        foreach (string manifest in calibrated.Result.ManifestPaths)
        {
            EvaluationReport report = ArtifactEvaluation.Run(manifest, ModelFolder.Source, new() { Images = 2, Ablation = false }, device, 2);
            Assert.Equal((Read(manifest).Scheduler.Family, 3), (report.Scheduler, report.Timesteps.Count));
        }

        Assert.Contains("tiny-ddim.calibration.json", Assert.Throws<ArtifactException>(() => CalibrationArtifact.Find(calibrated.Folder)).Message, StringComparison.Ordinal);
        Assert.Equal(calibrated.Result.ManifestPath, CalibrationArtifact.Find(calibrated.Result.ManifestPath));
    }

    [Fact]
    public void What_would_be_chosen_for_one_of_them_is_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("named twice", Assert.Throws<ArgumentException>(() => Run(s_options with { Schedulers = ["ddim", "DDIMScheduler"] }, folder)).Message, StringComparison.Ordinal);
        Assert.Contains("share their weights", Assert.Throws<ArgumentException>(() => Run(s_options with { Activations = ActivationWidth.Mixed, SensitiveLayers = 1 }, folder)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Root));
    }

    private static CalibrationResult Run(CalibrationOptions options, TemporaryFolder folder)
    {
        using var device = new CpuDevice(2);
        return Calibrator.Run(Model, options, folder.Root, device, 2);
    }

    private static CalibrationManifest Read(string path)
    {
        using CalibrationArtifact artifact = CalibrationArtifact.Open(path);
        return artifact.Manifest;
    }

    private static float[] Draw(string manifest)
    {
        using var device = new CpuDevice(2);
        using InterpretedSampler sampler = InterpretedSampler.FromArtifact(manifest, device);
        return sampler.Sample(new() { Count = 2, Seed = 3, Labels = [4, 5] }).Pixels.ToArray();
    }

    private sealed class Stop(double share, CancellationTokenSource stop) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value)
        {
            if (value.Done / value.Total > share) stop.Cancel();
        }
    }

    /// <summary>One calibration for all of these tests.</summary>
    public sealed class Calibrated : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Calibrated() => Result = Run(s_options, _folder);

        public CalibrationResult Result { get; }

        public string Folder => _folder.Root;

        public void Dispose() => _folder.Dispose();
    }
}
