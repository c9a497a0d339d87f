using System.CommandLine;

namespace Specializer.Tool;

/// <summary><c>specializer new</c>: from an artefact to a program that draws with it.</summary>
internal static class NewCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder") { Description = "Folder of the project; it must not exist, or be empty. Its name becomes the project's." };
        var artifact = new Option<string>("--artifact") { HelpName = "path", Description = "What to draw with: a manifest that calibrate wrote, or its folder. It is copied into the project.", Required = true };
        var source = new Option<DirectoryInfo?>("--source") { HelpName = "folder", Description = "Folder with the packages Specializer and Specializer.Runtime, where no configured feed has them." };
        var json = new Option<bool>("--json") { Description = "Print what was written as JSON." };
        var command = new Command("new", "Writes a project that builds: an artefact, and a program that draws with it.") { folder, artifact, source, json };
        command.SetAction(result => ExitCode.Of(() => Run(result.GetRequiredValue(folder).FullName, result.GetRequiredValue(artifact), result.GetValue(source)?.FullName, result.GetValue(json), Console.Out)));
        return command;
    }

    /// <summary>Writes a project.</summary>
    public static int Run(string folder, string artifact, string? source, bool json, TextWriter output)
    {
        using NewProject project = NewProject.For(folder, artifact, source);
        project.Write();
        if (json)
        {
            output.WriteLine(CommandJson.Serialize(new { folder, files = project.Files, run = project.Run }));
        }
        else
        {
            output.WriteLine($"Wrote {folder}: {string.Join(", ", project.Files)}. It draws with");
            output.WriteLine($"  {project.Run}");
            if (source is null) output.WriteLine("Its packages come from the feeds that NuGet knows. --source FOLDER names the folder that has them where no feed does.");
        }

        return ExitCode.Success;
    }
}
