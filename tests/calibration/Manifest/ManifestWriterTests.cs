using System.Globalization;
using Specializer.Manifest;
using Specializer.Tests;

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
    [InlineData(null, null, "ddpm", null)]
    [InlineData(null, 0.5, "ddim", "0.5")]
    [InlineData("ddim", null, "ddim", "0")]
    [InlineData("dpmsolver++", null, "dpmsolver++", null)]
    [InlineData("heun", null, "heun", null)]
    public void An_imported_models_identity_reads_back_equal(string? scheduler, double? eta, string expected, string? expectedEta)
    {
        ImportedModel model = DiffusersImporter.Load(ModelFolder.Source, nullLabel: 10);
        SchedulerRun run = model.Scheduler.Run(scheduler, 2, eta);
        CalibrationManifest manifest = TestManifest.Create("mnist", model.Network) with
        {
            Model = model.ModelIdentity(),
            Scheduler = run.Identity,
        };
        CalibrationManifest read = Read(ManifestWriter.Write(manifest));
        Assert.Equal(manifest, read);
        Assert.Equal((expected, "linear", "0.0001", "0.02", "2", expectedEta),
            (read.Scheduler.Family, read.Scheduler["beta_schedule"], read.Scheduler["beta_start"], read.Scheduler["beta_end"], read.Scheduler["steps"], read.Scheduler["eta"]));
        // It is enough to make the same run again.
        Assert.Equal(run, model.Scheduler.Run(read.Scheduler));
    }

    /// <summary>What ships is what would be written today, and says all that its solver depends on.</summary>
    [Fact]
    public void The_shipped_manifest_is_written_as_it_stands()
    {
        string folder = Path.Combine(SharedData.RepositoryRoot, "sample-app", "models", "mnist"), text = File.ReadAllText(Path.Combine(folder, "mnist.calibration.json"));
        CalibrationManifest manifest = Read(text);
        Assert.Equal(text, ManifestWriter.Write(manifest));
        Assert.Equal(manifest.Scheduler, DiffusersImporter.Load(folder).Scheduler.Run(manifest.Scheduler).Identity);
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
