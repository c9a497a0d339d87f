using System.CommandLine;
using System.Globalization;
using Specializer.Manifest;
using Spectre.Console;

namespace Specializer.Tool;

// Not the namespace Specializer.Text.
using Text = Spectre.Console.Text;

/// <summary><c>specializer diff</c>: in what two artefacts differ.</summary>
internal static class DiffCommand
{
    // What a screen or two hold; a new calibration changes something at every step.
    private const int MostShown = 80;

    public static Command Create()
    {
        var before = new Argument<string>("a") { Description = "An artefact: its manifest or its folder." };
        var after = new Argument<string>("b") { Description = "Another one." };
        var json = new Option<bool>("--json") { Description = "Print everything as JSON." };
        var command = new Command("diff", "Says in what two artefacts differ: model, sampling, layers, steps, weights. Exit code 1 if they do.") { before, after, json };
        command.SetAction(result => ExitCode.Of(() => Run(result.GetRequiredValue(before), result.GetRequiredValue(after), result.GetValue(json), Console.Out)));
        return command;
    }

    /// <summary>Compares two artefacts.</summary>
    public static int Run(string before, string after, bool json, TextWriter output)
    {
        IReadOnlyList<ArtifactDifference> differences = ArtifactDifference.Between(before, after);
        if (json) output.WriteLine(CommandJson.Serialize(new { equal = differences.Count == 0, differences }));
        else if (differences.Count == 0) output.WriteLine("No difference: the same manifest and the same weights.");
        else Print(differences, output);
        return differences.Count == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    private static void Print(IReadOnlyList<ArtifactDifference> differences, TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected) console.Profile.Width = 160;
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("where").NoWrap()).AddColumn(new TableColumn("a").RightAligned()).AddColumn(new TableColumn("b").RightAligned());
        foreach (ArtifactDifference d in differences.Take(MostShown)) table.AddRow(new Text(MessageText.Harmless(d.Where)), new Text(MessageText.Harmless(d.A)), new Text(MessageText.Harmless(d.B)));
        console.Write(table);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{differences.Count} {(differences.Count == 1 ? "difference" : "differences")}{(differences.Count > MostShown ? $", the first {MostShown} above; --json prints all" : "")}"));
    }
}
