using System.Runtime.InteropServices;
using Specializer.Tests;

namespace Specializer.Packages.Tests;

/// <summary>A new user's three commands, and what they may publish.</summary>
[Trait("Duration", "Long")]
[Collection(nameof(PackedSolution))]
public sealed class TemplateTests(PackedSolution packed)
{
    private const string Prompt = "red heart";

    // A blank, and what begins a fragment in addresses.
    private const string Place = "a place #1";

    [Fact]
    public void Three_commands_draw_a_picture()
    {
        using var app = new NewApp(packed.Feeds[0], Place);
        Assert.Contains("dotnet run --", app.Made.Output, StringComparison.Ordinal);
        CommandResult drawn = app.Dotnet("run", "--project", "app", "--", Prompt, "pizza").AssertSucceeded();

        Assert.Contains($"Wrote {Path.Combine(app.Place, "picture.png")}.", drawn.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("warning", drawn.Output, StringComparison.OrdinalIgnoreCase);
        // Two pictures of 64 pixels, four times as large, beside each other: 256 + 2 + 256 columns, 256 rows.
        Assert.Equal([0, 0, 2, 2, 0, 0, 1, 0], app.TakePicture()[16..24]);

        CommandResult wrong = app.Dotnet("run", "--no-build", "--project", "app", "--", "--seven");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains($"dotnet run -- \"{Prompt}\"", wrong.Output, StringComparison.Ordinal);
    }

    [PublishFact(PublishFactAttribute.Linker, PublishFactAttribute.Runtime)]
    public void One_file_that_the_installed_runtime_starts_draws_the_same() => Publish(Place, "--self-contained", "false", "-p:PublishSingleFile=true");

    [PublishFact(PublishFactAttribute.Linker, PublishFactAttribute.Runtime)]
    public void A_trimmed_file_that_brings_the_runtime_draws_the_same() => Publish(Place, "-p:PublishSingleFile=true", "-p:PublishTrimmed=true");

    // From a folder with such a name the SDK does not find the platform's linker.
    [PublishFact(PublishFactAttribute.Linker, PublishFactAttribute.Compiler)]
    public void Native_code_draws_the_same() => Publish("place", "-p:PublishAot=true", "-p:IlcInstructionSet=native");

    private void Publish(string place, params string[] form)
    {
        using var app = new NewApp(packed.Feeds[0], place, PublishFactAttribute.Packages);
        app.Dotnet("run", "-c", "Release", "--project", "app", "--", Prompt).AssertSucceeded();
        byte[] picture = app.TakePicture();
        CommandResult published = app.Dotnet(["publish", "app", "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "-o", "published", .. form]).AssertSucceeded();
        Assert.Empty(published.Warnings);
        string program = Assert.Single(Directory.GetFiles(Path.Combine(app.Place, "published")), f => Path.GetExtension(f) is "" or ".exe");
        app.Run(program, Prompt).AssertSucceeded();
        Assert.Equal(picture, app.TakePicture());
    }
}
