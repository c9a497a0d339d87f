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
        string version = PackFeed();
        TestModel model = _project.AddModel();
        _project.Write("app/Program.cs", ConsumerProject.Program("App.Models.Tiny"));
        WriteProject("app", "<OutputType>Exe</OutputType>", $"""
            <PackageReference Include="Specializer" Version="{version}" />
            <CalibrationManifest Include="../models/tiny.calibration.json" Namespace="App.Models" ClassName="Tiny" Accessibility="internal" />
            """);

        CommandResult build = _project.Dotnet("build", "app", "-c", "Release").AssertSucceeded();
        Assert.DoesNotContain("warning", build.Output.Replace("0 Warning(s)", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(["2 images", model.ResourceName], _project.Run("app/bin/Release/net10.0/app.dll"));
    }

    /// <summary>Weights too large for a resource reach the programs that use a packed library, also those that only use what uses it.</summary>
    [Fact]
    [Trait("Duration", "Long")]
    public void A_packed_library_brings_its_weights()
    {
        string version = PackFeed();
        TestModel model = _project.AddModel();
        WriteProject("drawer", "<SpecializerEmbedLimit>1</SpecializerEmbedLimit>", $"""
            <PackageReference Include="Specializer" Version="{version}" PrivateAssets="all" />
            <PackageReference Include="Specializer.Runtime" Version="{version}" />
            <CalibrationManifest Include="../models/tiny.calibration.json" Namespace="Drawer" ClassName="Tiny" Accessibility="public" />
            """);
        WriteProject("between", "", """<PackageReference Include="drawer" Version="1.0.0" />""");
        foreach (string library in new[] { "drawer", "between" }) _project.Dotnet("pack", library, "-c", "Release", "-o", "feed").AssertSucceeded();

        _project.Write("app/Program.cs", ConsumerProject.Program("Drawer.Tiny"));
        WriteProject("app", "<OutputType>Exe</OutputType>", """<PackageReference Include="between" Version="1.0.0" />""");
        _project.Dotnet("publish", "app", "-c", "Release", "-o", "published").AssertSucceeded();
        foreach (string folder in new[] { "app/bin/Release/net10.0", "published" })
        {
            Assert.Equal([$"{folder}/{model.ResourceName}"], _project.PackedWeights(folder));
            Assert.Equal(["2 images"], _project.Run($"{folder}/app.dll"));
        }
    }

    /// <summary>Packs what these tests were built with, not built again, and returns the version.</summary>
    private string PackFeed()
    {
        _project.Write("nuget.config", """<configuration><packageSources><clear /><add key="feed" value="feed" /></packageSources></configuration>""");
        foreach (string project in new[] { "runtime/core", "tasks" })
            _project.Dotnet(["pack", Path.Combine(SharedData.RepositoryRoot, project), "--no-build", "-c", Metadata("Configuration"), "-o", _project.File("feed"),
                .. Metadata("ArtifactsPath") is { Length: > 0 } path ? (string[])["--artifacts-path", path] : []]).AssertSucceeded();
        return Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(_project.File("feed"), "Specializer.Runtime.*.nupkg")))["Specializer.Runtime.".Length..];
    }

    private void WriteProject(string name, string properties, string items) => _project.Write($"{name}/{name}.csproj", $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <UseAppHost>false</UseAppHost>
            <ImplicitUsings>enable</ImplicitUsings>
            <RestorePackagesPath>../packages</RestorePackagesPath>
            {properties}
          </PropertyGroup>
          <ItemGroup>
            {items}
          </ItemGroup>
        </Project>
        """);

    private static string Metadata(string key) =>
        typeof(PackageTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value ?? "";
}
