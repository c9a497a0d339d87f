using System.CommandLine;
using Specializer.Tool;

// One file a command; each builds its own options and prints its own result.
var root = new RootCommand("Inspects, calibrates, verifies and evaluates quantized diffusion models.")
{
    DoctorCommand.Create(),
    NewCommand.Create(),
    DiffCommand.Create(),
    CalibrateCommand.Create(),
    CalibrateCommand.Create(CalibrationRole.Worker),
    CalibrateCommand.Create(CalibrationRole.Merge),
    SampleCommand.Create(),
    SynthesizeCommand.Create(),
    ConvertCommand.Create(),
    InspectCommand.Create(),
    VerifyCommand.Create(),
    ExportCommand.Create(),
    EvaluateCommand.Create(),
    ClusterCommand.Create(),
    SiloCommand.Create(),
};
HelpWithExamples.AddTo(root);
return ExitCode.Of(root.Parse(args));
