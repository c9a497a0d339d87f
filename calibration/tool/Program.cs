using System.CommandLine;
using Specializer.Tool;

// One file a command; each builds its own options and prints its own result.
return ExitCode.Of(new RootCommand("Calibrates, verifies and evaluates quantized diffusion models.")
{
    CalibrateCommand.Create(),
    VerifyCommand.Create(),
    ExportCommand.Create(),
    EvaluateCommand.Create(),
}.Parse(args));
