using Specializer.Tests;

namespace Specializer.Tasks.Tests.Builds;

/// <summary>A small program in a folder of its own that uses the generator, the task and the runtime that these tests were built with.</summary>
internal sealed class ConsumerProject : IDisposable
{
    /// <summary>Folder of the manifests.</summary>
    public const string Models = "models";

    private readonly TemporaryFolder _folder = new();

    public string Root => _folder.Root;

    public string File(string relative) => _folder.File(relative);

    /// <summary>Writes project, program and an empty list of package sources.</summary>
    /// <param name="properties">MSBuild properties, as XML.</param>
    /// <param name="sampler">Generated type that the program uses.</param>
    /// <param name="sdk">Kind of project.</param>
    /// <param name="items">More items, as XML.</param>
    /// <param name="extension">Of the project file: its language.</param>
    public void Create(
        string properties = "<TargetFramework>net10.0</TargetFramework>", string sampler = "TinySampler", string sdk = "Microsoft.NET.Sdk", string items = "", string extension = "csproj")
    {
        string tools = AppContext.BaseDirectory;
        Write("consumer." + extension, $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <UseAppHost>false</UseAppHost>
                <ImplicitUsings>enable</ImplicitUsings>
                <SpecializerTasksAssembly>{tools}Specializer.Tasks.dll</SpecializerTasksAssembly>
                {properties}
              </PropertyGroup>
              <Import Project="{tools}build/Specializer.props" />
              <ItemGroup>
                <CalibrationManifest Include="{Models}/*.calibration.json" />
                <Analyzer Include="{tools}Specializer.Generator.dll" />
                <Reference Include="{tools}Specializer.Runtime.dll" />
                {items}
              </ItemGroup>
              <Import Project="{tools}build/Specializer.targets" />
            </Project>
            """);
        Write("Program.cs", Program("consumer." + sampler));
        Write("nuget.config", "<configuration><packageSources><clear /></packageSources></configuration>");
    }

    public void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(file))!);
        System.IO.File.WriteAllText(File(file), text);
    }

    /// <summary>A program that draws two images, then names its resources.</summary>
    public static string Program(string sampler) => $$"""
        using {{sampler}} sampler = {{sampler}}.Load();
        Console.WriteLine($"{sampler.Sample(new() { Count = 2, Seed = 7 }).Count} images");
        foreach (string name in typeof(Program).Assembly.GetManifestResourceNames()) Console.WriteLine(name);
        """;

    public CommandResult Build(params string[] arguments) => Dotnet(["build", "-c", "Release", .. arguments]);

    public CommandResult Clean() => Dotnet(["clean", "-c", "Release"]);

    /// <summary>Runs an MSBuild command without servers that would outlive it, and with normal verbosity, which names skipped targets.</summary>
    public CommandResult Dotnet(params string[] arguments) =>
        CommandResult.Run(Root, "dotnet", [.. arguments, "-nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-v:normal"]);

    /// <summary>Runs a built program and gives the lines it printed.</summary>
    public string[] Run(string program = "bin/Release/net10.0/consumer.dll") =>
        CommandResult.Run(Root, "dotnet", [File(program)]).AssertSucceeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Packed weights anywhere below a folder, relative to the project.</summary>
    public string[] PackedWeights(string below) =>
        [.. Directory.GetFiles(File(below), "*.weights", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Dispose();
}
