using Specializer.Tests;

namespace Specializer.Tasks.Tests.Builds;

/// <summary>A sampler is the work of two: the task packs the weights, the generator prints the type. Neither may be left without the other.</summary>
public sealed class HalvesTests : IDisposable
{
    private readonly ConsumerProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void Items_reach_both_halves_wherever_they_are_written_and_late_ones_are_errors()
    {
        _project.AddModel();
        new TestModel(_project.File("late"), "late", seed: 2).Write();
        new TestModel(_project.File("target"), "target", seed: 3).Write();
        _project.Create();
        _project.Write("Program.cs", """
            Console.WriteLine(consumer.OtherSampler.Load().Sample(new() { Count = 1, Seed = 7 }).Count);
            Console.WriteLine(consumer.LateSampler.Load().Sample(new() { Count = 1, Seed = 7 }).Count);
            Console.WriteLine(consumer.TargetSampler.Load().Sample(new() { Count = 1, Seed = 7 }).Count);
            """);
        Late("""
            <ItemGroup>
              <CalibrationManifest Include="late/*.calibration.json" />
              <CalibrationManifest Update="models/*.calibration.json" ClassName="OtherSampler" />
              <AdditionalFiles Include="models/*.json" />
            </ItemGroup>
            <Target Name="Add" BeforeTargets="BeforeBuild"><ItemGroup><CalibrationManifest Include="target/*.calibration.json" /></ItemGroup></Target>
            """);
        _project.Build().AssertSucceeded();
        Assert.Equal(["1", "1", "1"], _project.Run());

        _project.Write("Program.cs", "");
        _project.Write("Empty.cs", "static class Empty { static void Main() { } }");
        AssertOnlyError("SPZ114", """<CalibrationManifest Include="target/*.calibration.json" />""", "target.calibration.json", "GenerateMSBuildEditorConfigFile");
        AssertOnlyError("SPZ114", """<CalibrationManifest Include="target/*.calibration.json" />""", "target.calibration.json", "BeforeCompile");
        AssertOnlyError("SPZ114", """<CalibrationManifest Include="target/*.calibration.json" />""", "target.calibration.json", "CoreCompile");
        AssertOnlyError("SPZ114", """<CalibrationManifest ClassName="Another" />""", "tiny.calibration.json", "BeforeCompile");
        AssertOnlyError("SPZ113", """<Analyzer Remove="@(Analyzer)" />""", "analyzers", "BeforeCompile");
        AssertOnlyError("SPZ025", """<AdditionalFiles Remove="@(AdditionalFiles)" />""", "tiny.calibration.json", "CoreCompile");
    }

    [Theory]
    [InlineData("fsproj", "net10.0", "SPZ111", "F#")]
    [InlineData("vbproj", "net10.0", "SPZ111", "VB")]
    [InlineData("csproj", "net8.0", "SPZ112", "net8.0")]
    [InlineData("csproj", "netstandard2.0", "SPZ112", "netstandard2.0")]
    public void Projects_that_cannot_have_a_sampler_get_one_error_that_says_so(string extension, string framework, string id, string named)
    {
        _project.AddModel();
        // What these projects would fetch is of no matter: the error comes first.
        _project.Create($"<TargetFramework>{framework}</TargetFramework><DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences><DisableImplicitFSharpCoreReference>true</DisableImplicitFSharpCoreReference>", extension: extension);

        CommandResult build = _project.Build();

        Assert.NotEqual(0, build.ExitCode);
        string error = Assert.Single(build.Errors);
        Assert.Contains($"error {id}: ", error, StringComparison.Ordinal);
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Contains("net10.0", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_project_without_manifests_is_told_so_and_where_they_are()
    {
        _project.AddModel();
        _project.Create(items: """<CalibrationManifest Remove="@(CalibrationManifest)" />""");
        // The compiler misses the type, too; what it says is no help.
        CommandResult missed = _project.Build();
        Assert.NotEmpty(missed.Errors);
        Assert.Contains("warning SPZ116: ", Assert.Single(missed.Warnings), StringComparison.Ordinal);

        _project.Write("Program.cs", "Console.WriteLine();");
        string warning = Assert.Single(_project.Build().AssertSucceeded().Warnings);
        Assert.Contains("warning SPZ116: ", warning, StringComparison.Ordinal);
        Assert.Contains("models/tiny.calibration.json", warning, StringComparison.Ordinal);

        Directory.Move(_project.File("models"), _project.File("obj/models"));
        Assert.Contains("matches no file", Assert.Single(_project.Build("--no-restore").AssertSucceeded().Warnings), StringComparison.Ordinal);
        Assert.Empty(_project.Build("--no-restore", "-p:NoWarn=SPZ116").AssertSucceeded().Warnings);
    }

    private void AssertOnlyError(string id, string items, string named, string before)
    {
        Late($"""<Target Name="Late" BeforeTargets="{before}"><ItemGroup>{items}</ItemGroup></Target>""");
        CommandResult build = _project.Build("--no-restore");
        Assert.NotEqual(0, build.ExitCode);
        string error = Assert.Single(build.Errors);
        Assert.Contains($"error {id}: ", error, StringComparison.Ordinal);
        Assert.Contains(named, error, StringComparison.Ordinal);
    }

    private void Late(string xml) => _project.Write("Directory.Build.targets", $"<Project>{xml}</Project>");
}
