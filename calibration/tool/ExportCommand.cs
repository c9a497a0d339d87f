using System.CommandLine;
using System.Globalization;
using Specializer.Calibration;
using Specializer.Calibration.Export;
using Specializer.Formats;

namespace Specializer.Tool;

/// <summary><c>specializer export</c>: the network or another part of a pipeline, FP32 or with int8 convolutions, as a file for other runtimes.</summary>
internal static class ExportCommand
{
    /// <summary>Bytes of tensors that fit a message of Protocol Buffers, with room for the rest of the model.</summary>
    private const long LargestWhole = 2_000_000_000;

    private const string NeedsInt8 = "--prompts and --guidance say what the ranges of int8 come from. Add --int8, or leave them out.";

    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("model") { Description = "Model folder in diffusers' layout." };
        var onnx = new Option<FileInfo>("--onnx") { Description = "ONNX file to write.", Required = true };
        var int8 = new Option<bool>("--int8") { Description = "Quantize around every convolution and linear layer: activations unsigned with a zero point, weights symmetric per channel; ranges by minimum and maximum of pictures that are drawn for it." };
        var prompts = new Option<FileInfo?>("--prompts") { Description = "With --int8: what the pictures show, one prompt in each line, for a model with a text encoder." };
        var guidance = Number.Create("--guidance", "With --int8: guidance scale that the pictures are drawn with; 1, which is none, when absent. A network that reads the scale itself is told it, without --int8 too; 8.5 when absent.");
        var external = new Option<bool>("--external-data") { Description = "Write the tensors to FILE.data beside the model. Models above 2 GB are always written so." };
        var part = new Option<PipelinePart?>("--part") { Description = "Another part of a pipeline: decoder, encoder or textEncoder. The folder is the pipeline's or, without --int8, the part's." };
        var height = new Option<int>("--height") { Description = "With --part: rows of what goes in.", DefaultValueFactory = _ => 64 };
        var width = new Option<int>("--width") { Description = "With --part: columns of what goes in; not of a text encoder, which takes as many tokens as it has positions.", DefaultValueFactory = _ => 64 };
        Option<int> clipSkip = ClipSkipOption.Create();
        clipSkip.Description = "With --part textEncoder: last layers to leave out before the final norm, diffusers' clip_skip.";
        var nullLabel = new Option<int?>("--null-label") { Description = "Label that means \"none\": images for the ranges are never drawn with it, but for guidance." };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all.", DefaultValueFactory = _ => 0 };
        var json = new Option<bool>("--json") { Description = "Print what was written as JSON." };
        var command = new Command("export", "Writes the network for other runtimes.") { folder, onnx, int8, prompts, guidance, external, nullLabel, part, height, width, clipSkip, threads, json };
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            if (result.GetValue(clipSkip) > 0 && result.GetValue(part) != PipelinePart.TextEncoder)
                throw new ArgumentException("--clip-skip leaves out layers of a text encoder, which is not what is written. Add --part textEncoder, or leave --clip-skip out.");
            double? scale = result.GetValue(guidance);
            if (!result.GetValue(int8) && (result.GetValue(prompts) is not null || (scale is not (null or 1) && result.GetValue(part) is not null))) throw new ArgumentException(NeedsInt8);
            using var device = new CpuDevice(result.GetValue(threads));
            OnnxInt8Options? options = !result.GetValue(int8) ? null : new(device)
            {
                Prompts = result.GetValue(prompts) is { } file ? PromptFile.Read(file.FullName) : [], Guidance = (float)(scale ?? 1),
                MemoryPredicted = bytes => MemoryNeed.Say("drawing for int8's ranges", bytes, "without --int8 nothing is drawn."),
            };
            string model = result.GetRequiredValue(folder).FullName;
            var target = new Target(result.GetRequiredValue(onnx), options, scale, result.GetValue(external), result.GetValue(json));
            return result.GetValue(part) is { } other
                ? WritePart(model, target, other, result.GetValue(height), other == PipelinePart.TextEncoder ? 0 : result.GetValue(width), result.GetValue(clipSkip), cancellation)
                : Write(model, target, result.GetValue(nullLabel), cancellation);
        })));
        return command;
    }

    /// <param name="File">The model.</param>
    /// <param name="Int8">Null for FP32.</param>
    /// <param name="Guidance">Scale of guidance; null where none is named.</param>
    /// <param name="External">Whether tensors lie beside it however few they are.</param>
    /// <param name="Json">How to say what was written.</param>
    private sealed record Target(FileInfo File, OnnxInt8Options? Int8, double? Guidance, bool External, bool Json);

    private static int Write(string folder, Target target, int? nullLabel, CancellationToken cancellation)
    {
        // What makes a condition need not be there for FP32.
        ImportedModel model = target.Int8 is null ? DiffusersImporter.Load(folder, nullLabel: nullLabel) : PipelineImporter.Load(folder, nullLabel: nullLabel);
        if (model.EmbeddedGuidance is { } usual)
            (model, target) = (model with { EmbeddedGuidance = target.Guidance ?? usual }, target with { Int8 = target.Int8 is { } drawn ? drawn with { Guidance = 1 } : null });
        else if (target.Int8 is null && target.Guidance is not (null or 1))
            throw new ArgumentException(NeedsInt8);
        foreach (string remark in target.Json ? [] : ModelText.Remarks(model)) Console.WriteLine(remark);
        Save(target, () => OnnxExport.Bytes(model.Network, model.Scheduler.TrainTimesteps, target.Int8 is not null), (output, data) =>
        {
            OnnxExport.Write(model, output, data, target.Int8, cancellation);
            return ([.. (string[])["sample", "timestep"], .. model.Network.Embedding.Classes > 0 ? (string[])["label"] : [], .. model.Inputs], "epsilon");
        });
        if (!target.Json && model.EmbeddedGuidance is { } told) Console.WriteLine(FormattableString.Invariant($"The scale of guidance is {told}, and no input."));
        return ExitCode.Success;
    }

    private static int WritePart(string folder, Target target, PipelinePart part, int height, int width, int clipSkip, CancellationToken cancellation)
    {
        Save(target, () => OnnxPartExport.Bytes(folder, part, height, width, clipSkip, target.Int8 is not null), (output, data) =>
        {
            var (input, result) = OnnxPartExport.Write(folder, part, output, height, width, clipSkip, data, target.Int8, cancellation);
            return ([input], result);
        });
        return ExitCode.Success;
    }

    /// <param name="target">Where.</param>
    /// <param name="length">Bytes of the tensors.</param>
    /// <param name="write">Given the model's file, and the tensors' where they lie beside it; returns the names of inputs and output.</param>
    private static void Save(Target target, Func<long> length, Func<Stream, OnnxData?, (string[] Inputs, string Output)> write)
    {
        FileInfo file = target.File;
        OutputFile.Prepare(file);
        long bytes = length();
        DiskRoom.Require(file.FullName, file.DirectoryName!, bytes);
        string? data = target.External || bytes > LargestWhole ? file.FullName + ".data" : null;
        MemoryNeed.Say("export", WorkingMemory.Program + (data is null ? bytes : 0), data is null ? "--external-data holds a tensor at a time." : "it holds a tensor at a time, and nothing takes less.");
        (string[] Inputs, string Output) names = ([], "");
        AtomicFile.Write(file.FullName, model =>
        {
            if (data is null)
            {
                names = write(model, null);
            }
            else
            {
                AtomicFile.Write(data, tensors =>
                {
                    names = write(model, new(tensors, Path.GetFileName(data)));
                    // The tensors are there before the model that names them, and an older model is gone before: with tensors of another one it would look whole.
                    Disk.Delete(file.FullName);
                });
            }
        });
        file.Refresh();
        bool int8 = target.Int8 is not null;
        if (data is not null && !target.Json) Console.WriteLine($"Its tensors are in {Path.GetFileName(data)}, which belongs beside it.");
        Console.WriteLine(target.Json
            ? CommandJson.Serialize(new { file = file.FullName, bytes = file.Length, int8, inputs = names.Inputs, output = names.Output })
            : string.Create(CultureInfo.InvariantCulture, $"Wrote {file.Name}: {(int8 ? "int8 convolutions" : "FP32")}, {file.Length / 1e6:F1} MB. Inputs: {string.Join(", ", names.Inputs)}; output: {names.Output}."));
    }
}
