using System.Diagnostics;

namespace Specializer.Tests;

/// <summary>What a command said.</summary>
internal sealed record CommandResult(int ExitCode, string Output)
{
    /// <summary>Distinct lines with an error; MSBuild repeats each in its summary.</summary>
    public string[] Errors => Lines(" error ");

    /// <summary>The same of warnings.</summary>
    public string[] Warnings => Lines(" warning ");

    /// <summary>Runs a program to its end.</summary>
    /// <param name="folder">Current folder; its subfolder <c>temp</c> is where the program puts temporary files.</param>
    /// <param name="program">Name or path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables that it finds besides this process's.</param>
    public static CommandResult Run(string folder, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
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
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
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
