using System.CommandLine;
using Specializer.Benchmarks.Commands;
using Specializer.Benchmarks.Measurement;

// Before anything of the command line is compiled, for that would count.
if (args is [StartupProbe.Argument, var assembly]) return StartupProbe.Run(assembly);

return new RootCommand("Measures Specializer beside ONNX Runtime.")
{
    ModelsCommand.Create(),
    PeakMemoryCommand.Create(),
    CheckCommand.Create(),
    KernelsCommand.Create(),
    AttentionCommand.Create(),
    LayersCommand.Create(),
    StartupCommand.Create(),
    ClusterSimulationCommand.Create(),
}.Parse(args).Invoke();
