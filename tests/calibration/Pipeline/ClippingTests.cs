using Specializer.Manifest;
using Specializer.Tests;

namespace Specializer.Calibration.Tests;

/// <summary>Ranges of least squared error, or those that clip less where held-out images are nearer to FP32's.</summary>
public class ClippingTests
{
    private static readonly CalibrationOptions s_options = new()
    {
        Steps = 5, Eta = 0, Trajectories = 8, Activations = ActivationWidth.Four, Rounding = RoundingChoice.Nearest, Skip = ["conv_in"], Clipping = ClippingChoice.Auto,
        MeanCorrection = MeanCorrectionChoice.Off, VarianceCorrection = VarianceCorrectionChoice.Off,
    };

    private static ImportedModel Model { get; } = DiffusersImporter.Load(ModelFolder.Source, "tiny", nullLabel: 10);

    [Fact]
    public void They_are_kept_where_they_help()
    {
        ClippingDecided decided = Decide(Model, s_options, ClippingChoice.Weighted);
        Assert.True(decided.Kept && decided.ErrorChangeDb.High < 0, $"{decided}");
        Assert.Equal(16, decided.Images);
    }

    [Fact]
    public void Ranges_are_plain_where_clipping_less_does_not_help()
    {
        using var network = new TinyNetwork();
        ClippingDecided decided = Decide(DiffusersImporter.Load(network.Root, "tiny"), s_options, ClippingChoice.Plain);
        Assert.False(decided.Kept || decided.ErrorChangeDb.High < 0, $"{decided}");
    }

    [Fact]
    public void Without_evidence_ranges_are_plain()
    {
        CalibrationOptions few = s_options with { Trajectories = Bootstrap.Fewest - 1 };
        Assert.Equal(ClippingChoice.Plain, few.WithClipping().Clipping);
        Assert.Equal(ClippingChoice.Weighted, (few with { Clipping = ClippingChoice.Weighted }).WithClipping().Clipping);
        Assert.Same(s_options, s_options.WithClipping());
    }

    /// <summary>What was asked, whose artefact is that of the choice that it should come to.</summary>
    private static ClippingDecided Decide(ImportedModel model, CalibrationOptions options, ClippingChoice expected)
    {
        var (asked, decided) = Calibrate(model, options);
        var (told, nothing) = Calibrate(model, options with { Clipping = expected });
        var (other, _) = Calibrate(model, options with { Clipping = expected == ClippingChoice.Plain ? ClippingChoice.Weighted : ClippingChoice.Plain });
        Assert.Empty(nothing);
        Assert.Contains("--clipping auto", asked.Provenance.Options);
        Assert.Equal(expected == ClippingChoice.Weighted ? ["--clipping weighted"] : [], told.Provenance.Options.Where(o => o.StartsWith("--clipping", StringComparison.Ordinal)));
        Assert.Equal(told, asked with { Provenance = told.Provenance });
        Assert.NotEqual(told.Steps, other.Steps);
        return Assert.Single(decided);
    }

    private static (CalibrationManifest Manifest, ClippingDecided[] Decided) Calibrate(ImportedModel model, CalibrationOptions options)
    {
        using var folder = new TemporaryFolder();
        using var device = new CpuDevice(2);
        CalibrationResult result = Calibrator.Run(model, options, folder.Root, device, 2);
        using CalibrationArtifact artifact = CalibrationArtifact.Open(result.ManifestPath);
        return (artifact.Manifest, [.. result.Findings.OfType<ClippingDecided>()]);
    }
}
