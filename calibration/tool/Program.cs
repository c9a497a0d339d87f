using System.CommandLine;
using Specializer.Tool;

// One file a command; each builds its own options and prints its own result.
return ExitCode.Of(new RootCommand("Inspects, calibrates, verifies and evaluates quantized diffusion models.")
{
    CalibrateCommand.Create(),
    CalibrateCommand.CreateMerge(),
    SampleCommand.Create(),
    InspectCommand.Create(),
    VerifyCommand.Create(),
    ExportCommand.Create(),
    EvaluateCommand.Create(),
}.Parse(args));
