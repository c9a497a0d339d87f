using Specializer.Tests;

namespace Specializer.Tasks.Tests.Builds;

/// <summary>Projects with settings of their own.</summary>
public sealed class SettingsTests : IDisposable
{
    private readonly ConsumerProject _project = new();

    public void Dispose() => _project.Dispose();

    /// <summary>The strictest settings there are find nothing in generated code, and a program for the web does not publish what only the compiler reads.</summary>
    [Fact]
    public void A_strict_program_for_the_web_builds_without_warnings_and_publishes_no_manifest()
    {
        TestModel model = _project.AddModel();
        _project.AddModel("kept");
        _project.Create("""
            <TargetFramework>net10.0</TargetFramework><RootNamespace>TinySampler</RootNamespace><SpecializerEmbedLimit>0</SpecializerEmbedLimit>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors><WarningLevel>9999</WarningLevel><Features>strict</Features><Nullable>enable</Nullable>
            <AnalysisMode>All</AnalysisMode><AnalysisLevel>latest-all</AnalysisLevel><EnforceCodeStyleInBuild>true</EnforceCodeStyleInBuild>
            <CheckForOverflowUnderflow>true</CheckForOverflowUnderflow><GenerateDocumentationFile>true</GenerateDocumentationFile>
            <WarningsNotAsErrors>SPZ026</WarningsNotAsErrors>
            """, sdk: "Microsoft.NET.Sdk.Web", items: """
            <CalibrationManifest Update="@(CalibrationManifest)" Accessibility="public" />
            <Content Remove="models/kept.calibration.json" />
            <Content Include="models/kept.calibration.json" CopyToOutputDirectory="PreserveNewest" />
            """);
        _project.Write("Program.cs", """
            [assembly: CLSCompliant(true)]
            using TinySampler.TinyModelSampler tiny = TinySampler.TinyModelSampler.Load();
            Console.WriteLine(tiny.Sample(new() { Count = 2, Seed = 7 }).Count);
            """);
        _project.Write(".editorconfig", "root = true\n[Program.cs]\ndotnet_analyzer_diagnostic.severity = none\n");

        CommandResult publish = _project.Dotnet("publish", "-c", "Release", "-o", _project.File("published")).AssertSucceeded();

        // The class's default name is the namespace's.
        Assert.Contains("SPZ026", Assert.Single(publish.Warnings), StringComparison.Ordinal);
        foreach (string folder in new[] { "bin", "published" })
        {
            Assert.Equal(["kept.calibration.json"], Directory.GetFiles(_project.File(folder), "*.calibration.json", SearchOption.AllDirectories).Select(Path.GetFileName));
            Assert.Contains(_project.PackedWeights(folder), p => p.EndsWith(model.ResourceName, StringComparison.Ordinal));
        }

        Assert.Equal(["2"], _project.Run("published/consumer.dll"));
    }
}
