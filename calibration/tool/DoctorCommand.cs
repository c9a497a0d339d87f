using System.CommandLine;
using Specializer.Manifest;
using Spectre.Console;

namespace Specializer.Tool;

// Not the namespace Specializer.Text.
using Text = Spectre.Console.Text;

/// <summary><c>specializer doctor</c>: what this computer has for building and drawing, what would run where, and why.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print everything as JSON." };
        var command = new Command("doctor", "Says which SDK, instruction sets, GPUs and drivers are here, what would run where, and why.") { json };
        command.SetAction(result => ExitCode.Of(() => Run(Examination.OfThisComputer(), result.GetValue(json), Console.Out)));
        return command;
    }

    /// <summary>Prints observations; fails if one of them is in the way of building or drawing.</summary>
    public static int Run(IReadOnlyList<Observation> observations, bool json, TextWriter output)
    {
        if (json) output.WriteLine(CommandJson.Serialize(new { ok = observations.All(f => f.State != ObservationState.Missing), observations }));
        else Print(observations, output);
        return observations.Any(f => f.State == ObservationState.Missing) ? ExitCode.Failed : ExitCode.Success;
    }

    private static void Print(IReadOnlyList<Observation> observations, TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected) console.Profile.Width = 160;
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (Observation observation in observations)
        {
            (string word, Color color) = observation.State switch
            {
                ObservationState.Good => ("ok", Color.Green),
                ObservationState.Absent => ("none", Color.Grey),
                _ => ("MISSING", Color.Red),
            };
            grid.AddRow(new Text(word, color), new Text(observation.Subject), new Text($"{MessageText.Harmless(observation.Found)}\n{observation.Consequence}"));
        }

        console.Write(grid);
    }
}
