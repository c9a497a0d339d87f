using System.CommandLine;

namespace Specializer.Tool;

/// <summary>All commands. One file a command; each builds its own options and prints its own result.</summary>
internal static class Commands
{
    /// <summary>The command line.</summary>
    public static RootCommand Create()
    {
        var root = new RootCommand("Inspects, calibrates, verifies and evaluates quantized diffusion models.")
        {
            DoctorCommand.Create(),
            NewCommand.Create(),
            DiffCommand.Create(),
            CalibrateCommand.Create(),
            CalibrateCommand.Create(CalibrationRole.Worker),
            CalibrateCommand.Create(CalibrationRole.Merge),
            SampleCommand.Create(),
            ServeCommand.Create(),
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
        return root;
    }
}
