using System.CommandLine;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Formats;

namespace Specializer.Tool;

/// <summary><c>specializer export</c>: the FP32 network, or one with int8 convolutions, as a file for other runtimes.</summary>
internal static class ExportCommand
{
    /// <summary>Bytes of tensors that fit a message of Protocol Buffers, with room for the rest of the model.</summary>
    private const long LargestWhole = 2_000_000_000;

    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("model") { Description = "Model folder in diffusers' layout." };
        var onnx = new Option<FileInfo>("--onnx") { Description = "ONNX file to write.", Required = true };
        var int8 = new Option<bool>("--int8") { Description = "Quantize around every convolution: activations unsigned with a zero point, weights symmetric per channel; ranges by minimum and maximum." };
        var external = new Option<bool>("--external-data") { Description = "Write the tensors to FILE.data beside the model. Models above 2 GB are always written so." };
        var part = new Option<PipelinePart?>("--part") { Description = "Another part of a pipeline, FP32: decoder, encoder or textEncoder. The folder is the pipeline's or the part's." };
        var height = new Option<int>("--height") { Description = "With --part: rows of what goes in.", DefaultValueFactory = _ => 64 };
        var width = new Option<int>("--width") { Description = "With --part: columns of what goes in; not of a text encoder, which takes as many tokens as it has positions.", DefaultValueFactory = _ => 64 };
        Option<int> clipSkip = ClipSkipOption.Create();
        clipSkip.Description = "With --part textEncoder: last layers to leave out before the final norm, diffusers' clip_skip.";
        var nullLabel = new Option<int?>("--null-label") { Description = "Label that means \"none\": images for the ranges are never drawn with it." };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all.", DefaultValueFactory = _ => 0 };
        var json = new Option<bool>("--json") { Description = "Print what was written as JSON." };
        var command = new Command("export", "Writes the network for other runtimes.") { folder, onnx, int8, external, nullLabel, part, height, width, clipSkip, threads, json };
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
            result.GetValue(clipSkip) > 0 && result.GetValue(part) != PipelinePart.TextEncoder
            ? throw new ArgumentException("--clip-skip leaves out layers of a text encoder, which is not what is written. Add --part textEncoder, or leave --clip-skip out.")
            : result.GetValue(part) is { } other
            ? WritePart(result.GetRequiredValue(folder).FullName, result.GetRequiredValue(onnx), other, result.GetValue(height), result.GetValue(width), result.GetValue(clipSkip), result.GetValue(json))
            : Run(result.GetRequiredValue(folder).FullName, result.GetRequiredValue(onnx), result.GetValue(int8), result.GetValue(external), result.GetValue(nullLabel), result.GetValue(threads), result.GetValue(json), cancellation))));
        return command;
    }

    private static int Run(string folder, FileInfo file, bool int8, bool external, int? nullLabel, int threads, bool json, CancellationToken cancellation)
    {
        ImportedModel model = DiffusersImporter.Load(folder, nullLabel: nullLabel);
        foreach (string remark in json ? [] : ModelText.Remarks(model)) Console.WriteLine(remark);
        if (external && int8) throw new ArgumentException("--external-data is for FP32: tensors of 8 bits are short enough for the model's own file.");
        OutputFile.Prepare(file);
        DiskRoom.Require(file.FullName, file.DirectoryName!, OnnxExport.Bytes(model.Network, model.Scheduler.TrainTimesteps, int8));
        bool apart = !int8 && (external || 4 * model.Parameters > LargestWhole);
        string data = file.FullName + ".data";
        using var device = new CpuDevice(threads);
        AtomicFile.Write(file.FullName, stream =>
        {
            // The tensors are there before the model that names them, and an older model is gone before: with tensors of another one it would look whole.
            if (apart)
            {
                Disk.Delete(file.FullName);
                AtomicFile.Write(data, tensors => OnnxExport.Write(model, stream, tensors, Path.GetFileName(data)));
            }
            else
            {
                OnnxExport.Write(model, stream, int8, device, cancellation);
            }
        });
        file.Refresh();
        if (apart && !json) Console.WriteLine($"Its tensors are in {Path.GetFileName(data)}, which belongs beside it.");
        string[] inputs = [.. (string[])["sample", "timestep"], .. model.Classes > 0 ? (string[])["label"] : [], .. model.Inputs];
        Console.WriteLine(json ? Json(file, int8, inputs, "epsilon") : string.Create(CultureInfo.InvariantCulture,
            $"Wrote {file.Name}: {(int8 ? "int8 convolutions" : "FP32")}, {file.Length / 1e6:F1} MB. Inputs: {string.Join(", ", inputs)}; output: epsilon."));
        return ExitCode.Success;
    }

    private static int WritePart(string folder, FileInfo file, PipelinePart part, int height, int width, int clipSkip, bool json)
    {
        OutputFile.Prepare(file);
        (string Input, string Output) names = ("", "");
        AtomicFile.Write(file.FullName, stream => names = OnnxPartExport.Write(folder, part, stream, height, part == PipelinePart.TextEncoder ? 0 : width, clipSkip,
            bytes => DiskRoom.Require(file.FullName, file.DirectoryName!, bytes)));
        file.Refresh();
        Console.WriteLine(json ? Json(file, int8: false, [names.Input], names.Output) : string.Create(CultureInfo.InvariantCulture, $"Wrote {file.Name}: FP32, {file.Length / 1e6:F1} MB. Input: {names.Input}; output: {names.Output}."));
        return ExitCode.Success;
    }

    private static string Json(FileInfo file, bool int8, IReadOnlyList<string> inputs, string output) =>
        CommandJson.Serialize(new { file = file.FullName, bytes = file.Length, int8, inputs, output });
}
