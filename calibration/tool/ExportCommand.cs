using System.CommandLine;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Formats;

namespace Specializer.Tool;

/// <summary><c>specializer export</c>: the FP32 network, or one with int8 convolutions, as a file for other runtimes.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("model") { Description = "Model folder in diffusers' layout." };
        var onnx = new Option<FileInfo>("--onnx") { Description = "ONNX file to write.", Required = true };
        var int8 = new Option<bool>("--int8") { Description = "Quantize around every convolution: activations unsigned with a zero point, weights symmetric per channel; ranges by minimum and maximum." };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all.", DefaultValueFactory = _ => 0 };
        var command = new Command("export", "Writes the network for other runtimes.") { folder, onnx, int8, threads };
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() => Run(
            result.GetRequiredValue(folder).FullName, result.GetRequiredValue(onnx), result.GetValue(int8), result.GetValue(threads), cancellation))));
        return command;
    }

    private static int Run(string folder, FileInfo file, bool int8, int threads, CancellationToken cancellation)
    {
        ImportedModel model = DiffusersImporter.Load(folder);
        foreach (string remark in ModelText.Remarks(model)) Console.WriteLine(remark);
        OutputFile.Prepare(file);
        using var device = new CpuDevice(threads);
        AtomicFile.Write(file.FullName, stream => OnnxExport.Write(model, stream, int8, device, cancellation));
        file.Refresh();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Wrote {file.Name}: {(int8 ? "int8 convolutions" : "FP32")}, {file.Length / 1e6:F1} MB. Inputs: sample, timestep{(model.Classes > 0 ? ", label" : "")}; output: epsilon."));
        return ExitCode.Success;
    }
}
