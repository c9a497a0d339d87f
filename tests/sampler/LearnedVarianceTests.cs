using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Manifest;
using Specializer.Reporting;
using Specializer.Tests;

namespace Specializer.Generated.Tests;

/// <summary>Networks that predict a variance beside ε: calibrated, generated, compiled and run.</summary>
public sealed class LearnedVarianceTests
{
    private const string Range = "learned_range", Root = "learned";

    /// <param name="variance">Type of the variance.</param>
    /// <param name="correction">Whether it is corrected.</param>
    /// <param name="printed">What stands in the source then.</param>
    [Theory]
    [InlineData(Range, VarianceCorrectionChoice.Off, "Z0.ScaleByExponential(V, ")]
    [InlineData(Range, VarianceCorrectionChoice.On, "Z0.ScaleByExponential(V, ")]
    [InlineData(Root, VarianceCorrectionChoice.On, "Z0.ScaleByRoot(V, ")]
    public void The_compiled_sampler_gives_the_interpreters_bits(string variance, VarianceCorrectionChoice correction, string printed)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        ImportedModel model = Model(folder, variance);
        Assert.Equal(2 * model.Channels, model.OutputChannels);
        var options = new CalibrationOptions
        {
            Steps = 4, Trajectories = 2, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = correction, ImageToImage = true,
        };
        string manifest = Calibrator.Run(model, options, folder.File("out"), device, 2).ManifestPath;
        using (CalibrationArtifact artifact = CalibrationArtifact.Open(manifest))
        {
            Network network = artifact.Manifest.Network;
            Assert.Equal(["variance"], network.Outputs);
            // Both halves of the last convolution read what is quantized once.
            ConvolutionOperation[] last = [.. network.Operations.OfType<ConvolutionOperation>().Where(o => network.AllOutputs().Contains(o.Output))];
            Assert.Equal(2, last.Length);
            Assert.Single(last.Select(o => (o.Input, o.WeightBits)).Distinct());
            Assert.Equal(correction == VarianceCorrectionChoice.On, artifact.Manifest.Steps.Any(s => s.RemovedVariance.Single > 0));
        }

        var asked = new SampleOptions { Count = 7, Seed = 5 };
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device), float32 = InterpretedSampler.Float32(model, 4, device: device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out string code);
        Assert.Contains(printed, code, StringComparison.Ordinal);
        Assert.Equal(correction == VarianceCorrectionChoice.On, code.Contains("StepSigma(", StringComparison.Ordinal));
        float[] expected = EveryBatch.Same(interpreted, compiled, asked), exact = float32.Sample(asked).Pixels.ToArray();
        Assert.InRange(Math.Sqrt(expected.Zip(exact, (a, b) => Math.Pow(a - b, 2)).Sum() / exact.Sum(b => b * b)), 0, 0.5);

        EveryBatch.Same(interpreted, compiled, asked with { Image = compiled.Sample(asked), Strength = 0.5 });
        // What changed the weights in memory is no folder's.
        if (variance == Range && correction == VarianceCorrectionChoice.On) EvaluatesAndSays(ArtifactEvaluation.Run(manifest, folder.File("model-" + variance), new() { Images = 2, Ablation = false }, device, 2));
        using Float32Sampler plain = Float32Sampler.Create(model, null, 4, null, device);
        Assert.All(plain.Draw(new() { Count = 7, Seed = 5 }).Pixels.ToArray().Zip(exact), pair => Assert.Equal(pair.Second, pair.First, 1e-3f * exact.Max(MathF.Abs)));
    }

    private static void EvaluatesAndSays(EvaluationReport report)
    {
        Assert.Equal(2, report.Images);
        Assert.Contains("variance corrected (c off what the network says of it at 3 of 3 steps that inject noise)", CorrectionText.Sentence(report.Corrections), StringComparison.Ordinal);
        Assert.Contains(ReportCharts.All(report), chart => chart.Contains("What is taken off the variance", StringComparison.Ordinal));
        Assert.Equal(3, report.Rows[^1].Steps.Count(s => s.RemovedVariance != 0));
    }

    /// <summary>Of a network that always says the smallest variance, c is what σ' takes off the fixed one, at every guidance.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_variance_that_is_always_the_same_is_corrected_as_a_fixed_one(bool guided)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions
        {
            Steps = 4, Trajectories = 4, Activations = ActivationWidth.Four, Rounding = RoundingChoice.Nearest, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On,
            Guidance = guided ? 1.5 : 1, GuidanceMaximum = guided ? 2 : 1,
        };
        string[] manifests = [.. ((string[])[Range, "fixed_small"]).Select(variance => Calibrator.Run(Model(folder, variance, constant: true, guided), options, folder.File(variance), device, 2).ManifestPath)];
        using (CalibrationArtifact learned = CalibrationArtifact.Open(manifests[0]), known = CalibrationArtifact.Open(manifests[1]))
        {
            foreach (var (said, given) in learned.Manifest.Steps.Zip(known.Manifest.Steps))
            {
                double own = given.Sigma * given.Sigma, left = given.CalibratedSigma * given.CalibratedSigma;
                Assert.Equal((0, 0), (said.Sigma.Value, said.CalibratedSigma.Value));
                if (left > 0 || own == 0) Assert.Equal(own - left, said.RemovedVariance.Value, 1e-5 * own);
                else Assert.InRange(said.RemovedVariance.Value, own * (1 - 1e-5), double.MaxValue);
            }

            Assert.Contains(known.Manifest.Steps, s => s.CalibratedSigma.Value != s.Sigma.Value);
        }

        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifests[0], device), other = InterpretedSampler.FromArtifact(manifests[1], device);
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifests[0]);
        using InterpretedSampler plain = InterpretedSampler.FromManifest(artifact.Manifest.WithOwnNoise(), artifact.Tensor, device);
        using Sampler compiled = CompiledArtifact.Load(manifests[0], device, out _);
        foreach (float guidance in guided ? (float[])[1.5f, 2, 1] : [1])
        {
            var asked = new SampleOptions { Count = 7, Seed = 5, Guidance = guidance, Labels = guided ? [0, 1, 2, 0, 1, 2, 0] : [] };
            float[] drawn = EveryBatch.Same(interpreted, compiled, asked), expected = other.Sample(asked).Pixels.ToArray();
            // c and σ' are rounded apart, and now and then an activation is, too.
            double difference = Difference(drawn, expected);
            Assert.InRange(difference, 0, 0.005);
            Assert.InRange(Difference(plain.Sample(asked).Pixels.ToArray(), expected), 20 * difference, 2);
        }

        static double Difference(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - y, 2)).Sum() / b.Sum(y => y * y));
    }

    /// <summary>A solver that asks for no variance leaves that half of the last convolution out.</summary>
    [Fact]
    public void Other_schedulers_take_the_prediction_alone()
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        var options = new CalibrationOptions { Steps = 2, Scheduler = "ddim", Trajectories = 1, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest };
        string manifest = Calibrator.Run(Model(folder, Range), options, folder.File("out"), device, 2).ManifestPath;
        using CalibrationArtifact artifact = CalibrationArtifact.Open(manifest);
        Assert.Empty(artifact.Manifest.Network.Outputs);
        Assert.DoesNotContain(artifact.Manifest.Network.Maps, m => m.Name == "variance");
        using InterpretedSampler interpreted = InterpretedSampler.FromArtifact(manifest, device);
        using Sampler compiled = CompiledArtifact.Load(manifest, device, out _);
        Assert.Equal(interpreted.Sample(new() { Seed = 3 }).Pixels.ToArray(), compiled.Sample(new() { Seed = 3 }).Pixels.ToArray());
    }

    [Fact]
    public void A_variance_that_no_network_predicts_is_refused()
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"), settings = folder.File("scheduler_config.json");
        foreach (string file in (string[])["config.json", "diffusion_pytorch_model.safetensors"]) File.Copy(Path.Combine(source, file), folder.File(file));
        File.WriteAllText(settings, File.ReadAllText(Path.Combine(source, "scheduler_config.json")).Replace("fixed_small", Range, StringComparison.Ordinal));
        ImportedModel model = DiffusersImporter.Load(folder.Root);
        using var device = new CpuDevice(1);
        var e = Assert.Throws<UnsupportedModelException>(() => Calibrator.Run(model, new() { Steps = 2, Trajectories = 1 }, folder.File("out"), device));
        Assert.Contains("one that predicts a variance has 2", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("out")));
    }

    /// <summary>A small network with twice as many output channels; a variance that is no logarithm is positive, which random weights do not know.</summary>
    /// <param name="folder">Where it is written.</param>
    /// <param name="variance">Type of the variance.</param>
    /// <param name="constant">Whether v is −1 everywhere.</param>
    /// <param name="labels">Whether it has labels, the last of which means none.</param>
    private static ImportedModel Model(TemporaryFolder folder, string variance, bool constant = false, bool labels = false)
    {
        Synthesizer.Write(new PipelineRecipe("odd", "DDPMPipeline",
            [
                new("unet", $$"""{"_class_name": "UNet2DModel", {{(labels ? "\"num_class_embeds\": 4, " : "")}} "sample_size": 8, "in_channels": 3, "out_channels": 6, "block_out_channels": [32, 64], "layers_per_block": 1, "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 8}"""),
            ],
            $$"""{"_class_name": "DDPMScheduler", "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "clip_sample": true, "variance_type": "{{variance}}"}"""), folder.File("model-" + variance), 3);
        ImportedModel model = PipelineImporter.Load(folder.File("model-" + variance), "odd", nullLabel: labels ? 3 : null);
        if (variance != Root && !constant) return model;
        const string Bias = "conv_out.bias", Weight = "conv_out.weight";
        DeferredTensors changed = DeferredTensors.Of(model.Weights, name => name is not (Bias or Weight));
        Change(Weight, w => constant ? 0 : w);
        Change(Bias, b => constant ? -1 : b + 100);
        return model with { Weights = changed };

        // Of what it says of the variance.
        void Change(string name, Func<float, float> change) =>
            changed.Add(name, () => [.. model.Weights[name].Select((value, i) => i < model.Weights[name].Length / 2 ? value : change(value))]);
    }
}
