using Specializer.Tests;

namespace Specializer.Tasks.Tests.Builds;

/// <summary>Real builds of a small program.</summary>
public sealed class BuildTests : IDisposable
{
    private const string Skipped = "Skipping target \"SpecializerPackWeights\" because all output files are up-to-date";

    private readonly ConsumerProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void A_build_packs_once_again_when_touched_and_cleans_up()
    {
        TestModel model = _project.AddModel();
        _project.Create();
        _project.Write("models/tiny.calibration.html", "<!DOCTYPE html>");

        CommandResult first = _project.Build("-p:SpecializerReport=true").AssertSucceeded();
        Assert.Contains($"consumer -> {_project.File("models/tiny.calibration.html")}", first.Output, StringComparison.Ordinal);
        Assert.Equal(["2 images", model.ResourceName], _project.Run());

        string blob = _project.File("obj/Release/net10.0/specializer/embed/" + model.ResourceName);
        string program = _project.File("bin/Release/net10.0/consumer.dll");
        DateTime packed = File.GetLastWriteTimeUtc(blob), compiled = File.GetLastWriteTimeUtc(program);
        CommandResult second = _project.Build("--no-restore").AssertSucceeded();
        Assert.Contains(Skipped, second.Output, StringComparison.Ordinal);
        Assert.Equal(packed, File.GetLastWriteTimeUtc(blob));
        Assert.Equal(compiled, File.GetLastWriteTimeUtc(program));

        File.SetLastWriteTimeUtc(model.ManifestPath, DateTime.UtcNow);
        Assert.DoesNotContain(Skipped, _project.Build("--no-restore").AssertSucceeded().Output, StringComparison.Ordinal);
        Assert.NotEqual(packed, File.GetLastWriteTimeUtc(blob));

        _project.Clean().AssertSucceeded();
        Assert.Empty(_project.PackedWeights("obj"));
        Assert.False(Directory.Exists(_project.File("obj/Release/net10.0/specializer")));
    }

    [Fact]
    public void Older_files_that_take_the_place_of_others_are_packed_and_compiled()
    {
        _project.AddModel();
        _project.Create("<TargetFramework>net10.0</TargetFramework><SpecializerEmbedLimit>100</SpecializerEmbedLimit>");
        _project.Build().AssertSucceeded();

        // As archives unpack them, and copies that keep times.
        TestModel older = _project.AddModel(seed: 2);
        foreach (string file in new[] { older.ManifestPath, older.WeightsPath }) File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddDays(-1));
        _project.Build("--no-restore").AssertSucceeded();

        Assert.Equal(["bin/Release/net10.0/" + older.ResourceName], _project.PackedWeights("bin"));
        Assert.Equal(["2 images", older.ResourceName + ".chunks"], _project.Run());
    }

    [Fact]
    public void A_broken_manifest_fails_with_one_located_error()
    {
        TestModel model = _project.AddModel();
        model.EditManifest(text => text.Replace("\"guidanceMaximum\": 1", "\"guidanceMaximum\": 0.5", StringComparison.Ordinal));
        _project.Create();

        CommandResult build = _project.Build();

        Assert.NotEqual(0, build.ExitCode);
        string error = Assert.Single(build.Errors);
        Assert.Contains("error SPZ016", error, StringComparison.Ordinal);
        Assert.Contains("docs/diagnostics/SPZ016.md", error, StringComparison.Ordinal);
        int line = 1 + Array.FindIndex(File.ReadAllLines(model.ManifestPath), l => l.Contains("\"guidanceMaximum\": 0.5", StringComparison.Ordinal));
        Assert.StartsWith($"{model.ManifestPath}({line},", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Faulty_weights_fail_with_one_located_error_each()
    {
        TestModel truncated = _project.AddModel("truncated"), damaged = _project.AddModel("damaged"), missing = _project.AddModel("missing");
        byte[] file = File.ReadAllBytes(truncated.WeightsPath);
        File.WriteAllBytes(truncated.WeightsPath, file[..^4]);
        file[^1] ^= 1;
        File.WriteAllBytes(damaged.WeightsPath, file);
        _project.Create();
        File.Delete(missing.WeightsPath);

        CommandResult build = _project.Build();

        Assert.NotEqual(0, build.ExitCode);
        Assert.Equal(3, build.Errors.Length);
        AssertError("SPZ105", truncated, "\"bytes\"");
        AssertError("SPZ106", damaged, "\"sha256\"");
        AssertError("SPZ104", missing, "\"file\"");

        void AssertError(string id, TestModel model, string property)
        {
            string[] lines = File.ReadAllLines(model.ManifestPath);
            int weights = Array.FindIndex(lines, l => l.Contains("\"weights\"", StringComparison.Ordinal));
            int line = 1 + Array.FindIndex(lines, weights, l => l.Contains(property, StringComparison.Ordinal));
            Assert.Single(build.Errors, e => e.StartsWith($"{model.ManifestPath}({line},", StringComparison.Ordinal)
                && e.Contains($"specializer error {id}", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Weights_that_vanish_fail_the_next_build()
    {
        TestModel model = _project.AddModel();
        _project.Create();
        _project.Build().AssertSucceeded();
        File.Delete(model.WeightsPath);

        for (int attempt = 0; attempt < 2; attempt++)
            Assert.Contains("SPZ104", Assert.Single(_project.Build("--no-restore").Errors), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Parallel_builds_of_several_targets_copy_large_weights_beside_each_program_and_publish_them()
    {
        // Two of the three have equal weights.
        TestModel one = _project.AddModel("one"), two = _project.AddModel("two", seed: 2);
        _project.AddModel("three");
        _project.Create("<TargetFrameworks>net10.0;net10.0-windows</TargetFrameworks><EnableWindowsTargeting>true</EnableWindowsTargeting><DisableTransitiveFrameworkReferenceDownloads>true</DisableTransitiveFrameworkReferenceDownloads><SpecializerEmbedLimit>100</SpecializerEmbedLimit><SpecializerUseTaskHost>true</SpecializerUseTaskHost>", "OneSampler");

        _project.Build("-m:2").AssertSucceeded();

        AssertWeights("bin/Release/net10.0-windows", one, two);
        AssertWeights("bin/Release/net10.0", one, two);
        AssertRuns(_project.Run());

        _project.Dotnet("publish", "-c", "Release", "-f", "net10.0", "-o", _project.File("published")).AssertSucceeded();
        AssertWeights("published", one, two);
        AssertRuns(_project.Run("published/consumer.dll"));

        File.Delete(two.ManifestPath);
        _project.Build("--no-restore", "-f", "net10.0").AssertSucceeded();
        AssertWeights("bin/Release/net10.0", one);

        void AssertRuns(string[] output) => Assert.Equal((string[])["2 images", .. new[] { one, two }.Select(m => m.ResourceName + ".chunks").Order(StringComparer.Ordinal)], output);

        void AssertWeights(string folder, params TestModel[] models) =>
            Assert.Equal(models.Select(m => $"{folder}/{m.ResourceName}").Order(StringComparer.Ordinal), _project.PackedWeights(folder));
    }
}
