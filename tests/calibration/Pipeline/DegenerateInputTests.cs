using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Networks that quantizers stumble over, through the whole calibration: what is done instead is said, and every number is one.</summary>
public sealed class DegenerateInputTests
{
    private const string Block = "mid_block.resnets.0";

    private static readonly CalibrationOptions s_eight = new() { Steps = 2, Trajectories = 16, WeightBits = 8, Activations = ActivationWidth.Eight };

    public static TheoryData<RoundingChoice> Roundings => [RoundingChoice.Gptq, RoundingChoice.Nearest];

    /// <summary>What the outlier adds to the results is no more than what the others do, but no step of 8 bits serves both.</summary>
    [Theory]
    [MemberData(nameof(Roundings))]
    public void A_layer_that_an_outlier_channel_would_blind_stays_in_floating_point(RoundingChoice rounding)
    {
        var (findings, snr) = Calibrate(s_eight with { Rounding = rounding }, change: (name, values) =>
        {
            if (name is $"{Block}.norm2.weight" or $"{Block}.norm2.bias") values[3] *= 1e6f;
            if (name == $"{Block}.conv2.weight") ScaleInput(values, 3, 1e-6f);
        });
        Assert.Equal([$"{Block}.conv2"], findings.OfType<KeptInFloatingPoint>().Select(f => f.Operation));
        Assert.True(snr > 25, $"{snr} dB");
    }

    [Fact]
    public void So_does_one_whose_weights_have_an_outlier_channel()
    {
        var (findings, snr) = Calibrate(s_eight, change: (name, values) =>
        {
            // Behind the activation 10⁻⁶ is no outlier.
            if (name is $"{Block}.norm2.weight" or $"{Block}.norm2.bias") values[3] *= 1e-6f;
            if (name == $"{Block}.conv2.weight") ScaleInput(values, 3, 1e6f);
        });
        Assert.Equal([$"{Block}.conv2"], findings.OfType<KeptInFloatingPoint>().Select(f => f.Operation));
        Assert.True(snr > 25, $"{snr} dB");
    }

    /// <summary>It is all that comes out, in FP32 too, so that integers lose no more than elsewhere.</summary>
    [Fact]
    public void An_outlier_channel_that_drowns_the_others_in_FP32_too_is_represented()
    {
        var (findings, _) = Calibrate(s_eight, change: (name, values) =>
        {
            if (name is $"{Block}.norm2.weight" or $"{Block}.norm2.bias") values[3] *= 1e6f;
        });
        Assert.Empty(findings.OfType<KeptInFloatingPoint>());
    }

    [Theory]
    [InlineData($"{Block}.conv1")]
    [InlineData("conv_in")]
    [InlineData("conv_out")]
    public void Layers_of_zeros_are_named(string layer)
    {
        // By evidence: bits, corrections, weights of 4 bits.
        var (findings, _) = Calibrate(new() { Steps = 2, Trajectories = 16 }, change: (name, values) =>
        {
            if (name.StartsWith($"{layer}.", StringComparison.Ordinal)) Array.Clear(values);
        });
        Assert.Equal([layer], Assert.Single(findings.OfType<LayersOfZeros>()).Layers);
    }

    [Theory]
    [InlineData(0.7f)]
    [InlineData(0)]
    [InlineData(1e-42f)]
    public void Channels_that_never_change_are_named(float value)
    {
        var (findings, snr) = Calibrate(s_eight, change: (name, values) =>
        {
            if (name == $"{Block}.norm2.weight") values[2] = values[5] = 0;
            if (name == $"{Block}.norm2.bias") values[2] = values[5] = value;
        });
        Assert.Contains(new ConstantChannels($"{Block}.norm2", 2, 8), findings);
        Assert.True(snr > 25, $"{snr} dB");
    }

    /// <summary>Of the smallest numbers the reciprocal is infinite.</summary>
    [Theory]
    [InlineData(1e-38f)]
    [InlineData(1e-43f)]
    public void Maps_of_the_smallest_numbers_are_zeros(float scale)
    {
        var (findings, snr) = Calibrate(s_eight, change: (name, values) =>
        {
            if (name is $"{Block}.norm2.weight" or $"{Block}.norm2.bias") Array.ForEach([.. Enumerable.Range(0, values.Length)], i => values[i] *= scale);
        });
        Assert.Contains(new UnusualRange($"{Block}.norm2", RangeTrouble.Constant, 2, 2), findings);
        Assert.True(snr > 25, $"{snr} dB");
    }

    /// <summary>A constant channel takes all of the 16 levels, and what the prediction is made of vanishes between two of them; 8 bits hold both.</summary>
    [Fact]
    public void A_prediction_that_has_lost_its_signal_is_named()
    {
        const string last = "up_blocks.0.resnets.1";
        Action<string, float[]> change = (name, values) =>
        {
            if (name == $"{last}.norm2.weight") values[0] = 0;
            if (name == $"{last}.norm2.bias") values[0] = 115;
            if (name == $"{last}.conv2.weight") ScaleInput(values, 0, 0);
            if (name.StartsWith($"{last}.conv_shortcut.", StringComparison.Ordinal)) Array.Clear(values);
        };
        CalibrationOptions four = new() { Steps = 2, Trajectories = 16, Activations = ActivationWidth.Four };
        IReadOnlyList<Finding> findings = Calibrate(four, change: change).Findings;
        Assert.DoesNotContain(findings, f => f is KeptInFloatingPoint);
        PredictionLost lost = Assert.Single(findings.OfType<PredictionLost>());
        Assert.Equal([0, 1], lost.Steps);
        Assert.InRange(lost.LowestK, -1.25, MeanCorrection.SmallestDivisor - 1);
        Assert.Empty(Calibrate(four with { Activations = ActivationWidth.Eight }, change: change).Findings.OfType<PredictionLost>());
    }

    [Fact]
    public void Channels_that_fill_no_vector_are_calibrated_like_others()
    {
        var (findings, snr) = Calibrate(s_eight, wide: 6, groups: 3);
        Assert.DoesNotContain(findings, f => f is KeptInFloatingPoint or LayersOfZeros or ConstantChannels or PredictionLost);
        Assert.True(snr > 25, $"{snr} dB");
    }

    [Fact]
    public void Groups_that_do_not_divide_the_channels_are_refused()
    {
        using var network = new TinyNetwork(groups: 3);
        ModelImportException error = Assert.Throws<ModelImportException>(() => DiffusersImporter.Load(network.Root));
        Assert.Contains("3 groups do not divide", error.Message, StringComparison.Ordinal);
    }

    private static void ScaleInput(float[] weights, int channel, float factor)
    {
        const int taps = 9, channels = 8;
        for (int i = 0; i < weights.Length; i++)
        {
            if (i / taps % channels == channel) weights[i] *= factor;
        }
    }

    private static (IReadOnlyList<Finding> Findings, double SnrDb) Calibrate(CalibrationOptions options, int wide = 8, int groups = 4, Action<string, float[]>? change = null)
    {
        using var network = new TinyNetwork(wide: wide, groups: groups, change: change);
        using var device = new CpuDevice(2);
        using var output = new TemporaryFolder();
        ImportedModel model = DiffusersImporter.Load(network.Root);
        CalibrationResult result = Calibrator.Run(model, options, output.Root, device, 2);
        // Reading is strict: a manifest with what is no number would not open.
        using InterpretedSampler sampler = InterpretedSampler.FromArtifact(result.ManifestPath), reference = InterpretedSampler.Float32(model, options.Steps);
        var what = new SampleOptions { Count = 16, Seed = 5 };
        float[] images = sampler.Sample(what).Pixels.ToArray();
        Assert.All(images, p => Assert.True(float.IsFinite(p)));
        return (result.Findings, new PairedImages(reference.Sample(what).Pixels.ToArray(), images, 16).PooledSnrDb().Value);
    }
}
