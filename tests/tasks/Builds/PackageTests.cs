using System.Reflection;
using Specializer.Tests;

namespace Specializer.Tasks.Tests.Builds;

/// <summary>Packs the packages and builds a program that knows nothing but them.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly ConsumerProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_packed_packages_build_a_program()
    {
        // What these tests were built with, not built again.
        foreach (string project in new[] { "runtime/core", "tasks" })
            _project.Dotnet(["pack", Path.Combine(SharedData.RepositoryRoot, project), "--no-build", "-c", Metadata("Configuration"), "-o", _project.File("feed"),
                .. Metadata("ArtifactsPath") is { Length: > 0 } path ? (string[])["--artifacts-path", path] : []]).AssertSucceeded();
        string version = Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(_project.File("feed"), "Specializer.Runtime.*.nupkg")))["Specializer.Runtime.".Length..];

        TestModel model = _project.AddModel();
        _project.Write("app/Program.cs", ConsumerProject.Program("App.Models.Tiny"));
        _project.Write("app/nuget.config", """<configuration><packageSources><clear /><add key="feed" value="../feed" /></packageSources></configuration>""");
        _project.Write("app/app.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <UseAppHost>false</UseAppHost>
                <ImplicitUsings>enable</ImplicitUsings>
                <RestorePackagesPath>../packages</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Specializer" Version="{version}" />
                <CalibrationManifest Include="../models/tiny.calibration.json" Namespace="App.Models" ClassName="Tiny" Accessibility="internal" />
              </ItemGroup>
            </Project>
            """);

        CommandResult build = _project.Dotnet("build", "app", "-c", "Release").AssertSucceeded();
        Assert.DoesNotContain("warning", build.Output.Replace("0 Warning(s)", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(["2 images", model.ResourceName], _project.Run("app/bin/Release/net10.0/app.dll"));
    }

    private static string Metadata(string key) =>
        typeof(PackageTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value ?? "";
}
