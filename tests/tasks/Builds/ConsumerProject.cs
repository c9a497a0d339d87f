using System.Diagnostics;
using Specializer.Tests;

namespace Specializer.Tasks.Tests.Builds;

/// <summary>A small program in a folder of its own that uses the generator, the task and the runtime that these tests were built with.</summary>
internal sealed class ConsumerProject : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Root => _folder.Root;

    public string File(string relative) => _folder.File(relative);

    /// <summary>A calibrated model in the folder <c>models</c>, which <see cref="Create"/> includes by pattern.</summary>
    public TestModel AddModel(string name = "tiny", int seed = 1) => new TestModel(File("models"), name, seed).Write();

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
                <CalibrationManifest Include="models/*.calibration.json" />
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

/// <summary>What a command said.</summary>
internal sealed record CommandResult(int ExitCode, string Output)
{
    /// <summary>Distinct lines with an error; MSBuild repeats each in its summary.</summary>
    public string[] Errors => Lines(" error ");

    /// <summary>The same of warnings.</summary>
    public string[] Warnings => Lines(" warning ");

    public static CommandResult Run(string folder, string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The test host's own MSBuild settings are none of this build's.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        // The SDK leaves empty folders behind; here they go with the project.
        start.Environment[OperatingSystem.IsWindows() ? "TEMP" : "TMPDIR"] = Directory.CreateDirectory(Path.Combine(folder, "temp")).FullName;
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output + errors.Result);
    }

    public CommandResult AssertSucceeded()
    {
        Assert.True(ExitCode == 0, Output);
        return this;
    }

    private string[] Lines(string with) => [.. Output.Split('\n').Where(l => l.Contains(with, StringComparison.Ordinal)).Select(WithoutNode).Distinct()];

    // Parallel builds put the number of the node in front of a line: "   2:7>".
    private static string WithoutNode(string line) => System.Text.RegularExpressions.Regex.Replace(line.Trim(), @"^\d+(:\d+)?>", "");
}
