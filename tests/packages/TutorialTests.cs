using System.Text.RegularExpressions;
using Specializer.Tests;

namespace Specializer.Packages.Tests;

/// <summary>Does what docs/tutorial.md says, in its order: programs are written, commands are run.</summary>
[Trait("Duration", "Long")]
[Collection(nameof(PackedSolution))]
public sealed partial class TutorialTests(PackedSolution packed)
{
    [Fact]
    public void Every_snippet_works()
    {
        using var folder = new TemporaryFolder();
        // The reader's folder lies beside the repository, which is packed already.
        Directory.CreateSymbolicLink(folder.File("specializer"), Path.GetDirectoryName(packed.Feeds[0])!);
        string place = Directory.CreateDirectory(folder.File("tutorial")).FullName;
        var environment = new Dictionary<string, string> { ["DOTNET_CLI_HOME"] = folder.File("home"), ["NUGET_PACKAGES"] = folder.File("cache"), ["DOTNET_NOLOGO"] = "1" };
        string tutorial = File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "docs", "tutorial.md"));
        int commands = 0, programs = 0;
        foreach (Match block in Block().Matches(tutorial))
        {
            string[] lines = block.Groups["text"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            switch (block.Groups["language"].Value)
            {
                case "csharp":
                    // The first line names the file.
                    File.WriteAllText(Path.Combine(place, lines[0]["// ".Length..]), string.Join('\n', lines));
                    programs++;
                    break;
                case "xml":
                    // Quoted from the project that the template wrote.
                    Assert.Contains(lines[0], File.ReadAllText(Path.Combine(place, "app", "app.csproj")), StringComparison.Ordinal);
                    break;
                case "sh":
                    foreach (string line in lines.Where(l => l != "dotnet pack ../specializer"))
                    {
                        string[] words = [.. Word().Matches(line).Select(w => w.Value.Trim('"'))];
                        string program = words[0].StartsWith("tools/", StringComparison.Ordinal) ? Path.Combine(place, words[0]) : words[0];
                        CommandResult result = CommandResult.Run(place, program, words[1..], environment);
                        // Two artefacts that differ are no mistake.
                        Assert.True(result.ExitCode == (words[1] == "diff" ? 1 : 0), $"{line}\n{result.Output}");
                        commands++;
                    }

                    break;
            }
        }

        Assert.True(commands >= 10 && programs == 2);
        foreach (string picture in new[] { "picture.png", "guidance.png", "step5.png", "step25.png" }) Assert.True(File.Exists(Path.Combine(place, picture)), picture);
    }

    [GeneratedRegex("\"[^\"]*\"|[^ ]+")]
    private static partial Regex Word();

    [GeneratedRegex("^```(?<language>[a-z]+)\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
