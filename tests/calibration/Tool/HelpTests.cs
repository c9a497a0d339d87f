using System.CommandLine;
using Specializer.Tool;

namespace Specializer.Calibration.Tests;

public class HelpTests
{
    [Fact]
    public void Help_of_every_command_ends_with_examples_that_parse()
    {
        RootCommand root = Commands.Create();
        foreach (Command command in root.Subcommands)
        {
            StringWriter output = new(), error = new();
            Assert.Equal(ExitCode.Success, ExitCode.Of(root.Parse([command.Name, "--help"]), new() { Output = output, Error = error }));
            Assert.Equal("", error.ToString());
            string[] lines = output.ToString().Split(Environment.NewLine);
            string[] examples = [.. lines.Where(l => l.StartsWith($"  specializer {command.Name} ", StringComparison.Ordinal) || l == $"  specializer {command.Name}")];
            // In a file, too, which has no width: one long description would widen every line.
            Assert.All(lines.TakeWhile(l => l != "Examples:"), line => Assert.InRange(line.Length, 0, 200));
            Assert.True(examples.Length > 0, $"{command.Name} has no example.");
            foreach (string example in examples) Assert.Empty(root.Parse(example.Trim()["specializer ".Length..]).Errors);
        }
    }

    /// <summary>Those that run until they are stopped answer on their ports.</summary>
    [Fact]
    public void Every_command_that_ends_has_an_answer_in_JSON() =>
        Assert.Equal(["cluster", "silo"], Commands.Create().Subcommands.Where(c => c.Options.All(o => o.Name != "--json")).Select(c => c.Name).Order(StringComparer.Ordinal));

    /// <summary>What shells ask for completions (docs/tool.md).</summary>
    [Theory]
    [InlineData("cal", "calibrate")]
    [InlineData("calibrate model --sched", "--scheduler")]
    [InlineData("calibrate model --scheduler dpmsolver+", "dpmsolver++")]
    [InlineData("calibrate model --weights ", "4")]
    public void Shells_are_told_how_a_line_may_go_on(string line, string expected)
    {
        var output = new StringWriter();
        Assert.Equal(0, Commands.Create().Parse([$"[suggest:{line.Length}]", line]).Invoke(new() { Output = output }));
        Assert.Contains(expected, output.ToString().Split(Environment.NewLine));
    }
}
