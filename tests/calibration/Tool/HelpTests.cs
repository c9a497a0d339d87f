using System.CommandLine;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class HelpTests
{
    [Fact]
    public void Help_of_every_command_ends_with_examples_that_parse()
    {
        var root = new RootCommand
        {
            CalibrateCommand.Create(), CalibrateCommand.Create(CalibrationRole.Merge), CalibrateCommand.Create(CalibrationRole.Worker), ClusterCommand.Create(), SiloCommand.Create(), DiffCommand.Create(), DoctorCommand.Create(), EvaluateCommand.Create(), ExportCommand.Create(), InspectCommand.Create(), NewCommand.Create(), SampleCommand.Create(),
            VerifyCommand.Create(),
        };
        HelpWithExamples.AddTo(root);
        foreach (Command command in root.Subcommands)
        {
            var output = new StringWriter();
            root.Parse([command.Name, "--help"]).Invoke(new() { Output = output });
            string[] lines = output.ToString().Split(Environment.NewLine);
            string[] examples = [.. lines.Where(l => l.StartsWith($"  specializer {command.Name} ", StringComparison.Ordinal) || l == $"  specializer {command.Name}")];
            Assert.True(examples.Length > 0, $"{command.Name} has no example.");
            foreach (string example in examples) Assert.Empty(root.Parse(example.Trim()["specializer ".Length..]).Errors);
        }
    }
}
