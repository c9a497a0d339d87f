using System.CommandLine;
using Specializer.Tests;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

/// <summary>Models that cannot be calibrated, or not as asked: an error that names the place, or a note that says what was done instead.</summary>
public class BadInputTests
{
    private static readonly CalibrationOptions Quick = new()
    {
        Steps = 2, Trajectories = 2, Activations = ActivationWidth.Eight, Rounding = RoundingChoice.Nearest, MeanCorrection = MeanCorrectionChoice.Divide, VarianceCorrection = VarianceCorrectionChoice.On,
    };

    [Fact]
    public void AnActivationThatIsNotFiniteIsAnErrorThatNamesIt()
    {
        const string name = "down_blocks.0.resnets.0.conv2";
        using var folder = new ModelFolder();
        folder.WithTensors((n, shape, data) => (shape, n == $"{name}.weight" ? [.. data.Select(v => v * 1e38f)] : data));
        ArithmeticException error = Assert.Throws<ArithmeticException>(() => Findings(folder));
        Assert.Contains("not finite", error.Message);
        Assert.Contains("'down_blocks.", error.Message);
        using var output = new TemporaryFolder();
        // The command says it in one line and gives the exit code of bad input.
        Assert.Equal(2, new RootCommand { CalibrateCommand.Create() }.Parse(["calibrate", folder.Root, "--out", output.Root, "--steps", "2", "--trajectories", "1"]).Invoke());
    }

    [Fact]
    public void AConstantActivationIsRepresentedAndReported()
    {
        const string norm = "down_blocks.0.resnets.0.norm2";
        using var folder = new ModelFolder();
        folder.WithTensors((n, shape, data) => (shape, n == $"{norm}.weight" ? new float[data.Length] : n == $"{norm}.bias" ? [.. data.Select(_ => 0.7f)] : data));
        Assert.Contains(new UnusualRange(norm, RangeTrouble.Constant, 2, 2), Findings(folder));
    }

    /// <summary>A factor between a channel's queries and keys changes no product in FP32, but with it no step of 8 bits serves all keys.</summary>
    [Fact]
    public void ProductsOfAnAttentionThatAnOutlierWouldBlindStayInFloatingPoint()
    {
        const string attention = "mid_block.attentions.0";
        using var folder = new ModelFolder();
        folder.WithTensors((n, shape, data) =>
        {
            float factor = n.StartsWith($"{attention}.to_k.", StringComparison.Ordinal) ? 1e6f : n.StartsWith($"{attention}.to_q.", StringComparison.Ordinal) ? 1e-6f : 1;
            int row = data.Length / (int)shape[0];
            return (shape, [.. data.Select((v, i) => i / row == 5 ? v * factor : v)]);
        });
        Assert.Equal([$"{attention}.attention"], Findings(folder, Quick with { AttentionBits = 8 }).OfType<KeptInFloatingPoint>().Select(f => f.Operation));
    }

    [Fact]
    public void ATableOfTimestepsHasNoRowForWhatLiesBetween()
    {
        using var folder = new ModelFolder().With("time_embedding_type", "\"learned\"").With("num_train_timesteps", "1000");
        folder.WithTensors((_, shape, data) => (shape, data), ("time_proj.weight", [1000, 32], new float[32000]));
        string error = Assert.Throws<ArgumentException>(() => Findings(folder, Quick with { Scheduler = "kdpm2", Steps = 4 })).Message;
        Assert.Contains("in 4 steps. Use a scheduler whose timesteps are whole numbers, such as ddim.", error, StringComparison.Ordinal);
        Assert.NotNull(Findings(folder, Quick with { Scheduler = "ddim" }));
    }

    [Fact]
    public void LabelsThatTheNetworkReadsHaveNoneThatMeansNone()
    {
        using ModelFolder folder = new ModelFolder().With("act_fn", "\"mish\"");
        Assert.Contains("act_fn is not \"silu\"", Assert.Throws<ArgumentOutOfRangeException>(() => DiffusersImporter.Load(folder.Root, nullLabel: 10)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AConstantPredictionHasNoNoiseToFitAndSaysSo()
    {
        using var folder = new ModelFolder();
        folder.WithTensors((n, shape, data) => (shape, n is "conv_out.weight" or "conv_out.bias" ? new float[data.Length] : data));
        MeanLeftAlone[] left = [.. Findings(folder, Quick with { MeanCorrection = MeanCorrectionChoice.Mmse }).OfType<MeanLeftAlone>()];
        Assert.Equal([(0, MeanFallback.ConstantPrediction), (1, MeanFallback.ConstantPrediction)], left.Select(f => (f.Step, f.Reason)));
    }

    [Fact]
    public void NoiseBeyondTheSamplersOwnIsReported()
    {
        using var folder = new ModelFolder();
        // Little noise is injected, and 4 bits bring much.
        IReadOnlyList<Finding> findings = Findings(folder, Quick with { Steps = 8, Activations = ActivationWidth.Four, Scheduler = "ddim", Eta = 0.02, MeanCorrection = MeanCorrectionChoice.Off });
        Assert.NotEmpty(Assert.Single(findings.OfType<VarianceNotAbsorbed>()).Timesteps);
    }

    [Fact]
    public void SaturationIsReportedWhereThereIsMuchOrNone()
    {
        ActivationRange Range(double low, double high, bool constant = false) => new(1, 0, 15, 0, low, high, constant);
        Assert.Equal(
            [new UnusualRange("much", RangeTrouble.Saturates, 2, 2), new NeverSaturating(1, 4)],
            RangeFindings.Of(["much", "some", "never", "sometimes"], [[Range(0.04, 0.02), Range(1, 0)], [Range(0.01, 0), Range(0, 0.04)], [Range(0, 0), Range(0, 0)], [Range(0, 0), Range(0, 0.01)]]));
    }

    [Fact]
    public void TooFewTrajectoriesAreAWarningAndNoIntervalHasTheWidthZero()
    {
        using var folder = new ModelFolder();
        using var device = new CpuDevice(2);
        using var output = new TemporaryFolder();
        CalibrationResult result = Calibrator.Run(DiffusersImporter.Load(folder.Root), Quick with { Trajectories = 1 }, output.Root, device, 2);
        Assert.Equal(new TooFewTrajectories(1, Bootstrap.Fewest), result.Findings[0]);
        using CalibrationArtifact artifact = CalibrationArtifact.Open(result.ManifestPath);
        Assert.All(artifact.Manifest.Statistics.SelectMany(s => WidthFigures.Of(s).SnrDb), i => Assert.Equal(Interval.Unknown(i.Value), i));
    }

    public static TheoryData<CalibrationOptions> Impossible =>
    [
        Quick with { Steps = 4097 }, Quick with { Seed = 1UL << 63 },
        Quick with { GuidanceMaximum = 1e300 }, Quick with { GuidanceMinimum = double.NegativeInfinity }, Quick with { Guidance = double.NaN },
    ];

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void WhatNoManifestCouldHoldIsRefusedBeforeAnythingRuns(CalibrationOptions options)
    {
        using var output = new TemporaryFolder();
        using var device = new CpuDevice(1);
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
        Assert.Throws<ArgumentException>(() => Calibrator.Run(model, options, output.Root, device));
        Assert.Empty(Directory.GetFiles(output.Root));
    }

    private static IReadOnlyList<Finding> Findings(ModelFolder folder, CalibrationOptions? options = null)
    {
        using var device = new CpuDevice(2);
        using var output = new TemporaryFolder();
        return Calibrator.Run(DiffusersImporter.Load(folder.Root), options ?? Quick, output.Root, device, 2).Findings;
    }
}
