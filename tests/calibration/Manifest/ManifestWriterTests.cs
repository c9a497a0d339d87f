using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration.Tests;

public class ManifestWriterTests
{
    [Fact]
    public void What_is_written_reads_back_equal()
    {
        CalibrationManifest manifest = TestManifest.Quantized();
        Assert.Equal(manifest, Read(ManifestWriter.Write(manifest)));
    }

    [Fact]
    public void Several_networks_read_back_equal()
    {
        CalibrationManifest manifest = TestManifest.OfSeveralNetworks();
        Assert.Equal(manifest, Read(ManifestWriter.Write(manifest)));
    }

    [Fact]
    public void An_imported_network_reads_back_equal()
    {
        CalibrationManifest manifest = TestManifest.Create("mnist", DiffusersImporter.Load(ModelFolder.Source).Network);
        Assert.Equal(manifest, Read(ManifestWriter.Write(manifest)));
    }

    [Theory]
    [InlineData("ddpm", 1, "DDPMScheduler")]
    [InlineData("ddim", 0, "DDIMScheduler")]
    public void An_imported_models_identity_reads_back_equal(string sampler, double eta, string expected)
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
        CalibrationManifest manifest = TestManifest.Create("mnist", model.Network) with
        {
            Model = model.ModelIdentity(),
            Scheduler = model.CreateScheduler(sampler, 2, eta).Configuration.SchedulerIdentity(),
        };
        CalibrationManifest read = Read(ManifestWriter.Write(manifest));
        Assert.Equal(manifest, read);
        Assert.Equal((expected, "linear", "0.0001", "0.02", "fixed_small"),
            (read.Scheduler.Class, read.Scheduler.BetaSchedule, read.Scheduler.BetaStart.Token, read.Scheduler.BetaEnd.Token, read.Scheduler.VarianceType));
    }

    [Fact]
    public void Joint_moments_read_back_equal()
    {
        CalibrationManifest manifest = TestManifest.Quantized();
        Number[] numbers = [.. Enumerable.Range(0, 16).Select(i => Number.From(MathF.Sqrt(i) * 1e-6f))];
        manifest = manifest with { Steps = new([.. manifest.Steps.Select(s => s with { Covariance = new(numbers), Means = new(numbers[..8]) })]) };
        Assert.Equal(manifest, Read(ManifestWriter.Write(manifest)));
    }

    [Fact]
    public void Statistics_read_back_equal()
    {
        CalibrationManifest manifest = TestManifest.Quantized();
        EquatableArray<Number> Numbers(int count) => new([.. Enumerable.Range(0, count).Select(i => Number.From(1 / (i + 3f)))]);
        NoiseInterval Interval(int i) => new(Numbers(2), new([new($"-{i}"), new("0")]), Numbers(2));
        manifest = manifest with
        {
            Statistics = new([new(8, 8, 20, 10, Interval(1), Interval(2), Numbers(2), Numbers(4), Numbers(2), Numbers(2), Numbers(2), Interval(3)),
                new(4, 4, 20, 10, Interval(4), Interval(5), Numbers(2), Numbers(4), Numbers(2), Numbers(2), Numbers(2), Interval(6))]),
        };
        Assert.Equal(manifest, Read(ManifestWriter.Write(manifest)));
    }

    [Fact]
    public void The_text_is_the_same_in_every_culture()
    {
        string expected = ManifestWriter.Write(TestManifest.Quantized());
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            // Finnish-like: another minus, comma and digits' grouping; made by hand because the tests run without culture data.
            var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            culture.NumberFormat.NegativeSign = "\u2212";
            culture.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = culture;
            Assert.Equal(expected, ManifestWriter.Write(TestManifest.Quantized()));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Long_arrays_have_one_line_each()
    {
        string[] lines = ManifestWriter.Write(TestManifest.Quantized()).Split('\n');
        Assert.Equal(2, lines.Count(l => l.TrimStart().StartsWith("\"scales\": [0.031250003, 0.031250003]", StringComparison.Ordinal)));
        Assert.DoesNotContain(lines, l => l.Contains('\r', StringComparison.Ordinal) || l.EndsWith(' '));
        Assert.Equal("", lines[^1]);
    }

    private static CalibrationManifest Read(string text)
    {
        ManifestResult result = ManifestReader.Read(text);
        Assert.Empty(result.Errors);
        return result.Manifest!;
    }
}
