using Specializer.Tests;

namespace Specializer.Packages.Tests;

/// <summary>A new user's three commands, with a package cache of their own and no feed that answers.</summary>
[Trait("Duration", "Long")]
[Collection(nameof(PackedSolution))]
public sealed class TemplateTests(PackedSolution packed)
{
    [Fact]
    public void Three_commands_draw_a_picture()
    {
        using var folder = new TemporaryFolder();
        string place = Directory.CreateDirectory(folder.File("a place #1")).FullName;
        File.WriteAllText(Path.Combine(place, "nuget.config"), """
            <configuration><packageSources><clear /><add key="nowhere" value="http://127.0.0.1:9/index.json" allowInsecureConnections="true" /></packageSources></configuration>
            """);
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_CLI_HOME"] = folder.File("home"), ["NUGET_PACKAGES"] = folder.File("cache"), ["DOTNET_NOLOGO"] = "1",
            // Nobody answers, as the audit would say.
            ["NuGetAudit"] = "false",
        };

        CommandResult Dotnet(params string[] arguments) => CommandResult.Run(place, "dotnet", arguments, environment);

        string template = Directory.GetFiles(packed.Feeds[0], "Specializer.Templates.*.nupkg").Single();
        Dotnet("new", "install", template).AssertSucceeded();
        Dotnet("new", "specializer-app", "-o", "app").AssertSucceeded();
        CommandResult drawn = Dotnet("run", "--project", "app", "--", "3", "7").AssertSucceeded();

        string picture = Path.Combine(place, "picture.png");
        Assert.Contains($"Wrote {picture}.", drawn.Output, StringComparison.Ordinal);
        // Two digits beside each other: 28 + 2 + 28 columns, 28 rows.
        byte[] png = File.ReadAllBytes(picture);
        Assert.Equal([0, 0, 0, 58, 0, 0, 0, 28], png[16..24]);
        Assert.DoesNotContain("warning", drawn.Output, StringComparison.OrdinalIgnoreCase);

        CommandResult wrong = Dotnet("run", "--no-build", "--project", "app", "--", "seven");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("dotnet run -- 3 7", wrong.Output, StringComparison.Ordinal);
    }
}
