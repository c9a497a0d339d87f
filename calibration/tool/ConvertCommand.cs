using System.CommandLine;
using Specializer.Calibration.Conversion;

namespace Specializer.Tool;

/// <summary><c>specializer convert</c>: a single file of another layout becomes a pipeline's folder.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        var file = new Argument<FileInfo>("file") { Description = "Safetensors file in the layout of CompVis's latent diffusion or Stable Diffusion 1, 2 and XL." };
        var output = new Option<DirectoryInfo>("--out") { Description = "Folder to write; must not exist, or be empty.", Required = true };
        var prediction = new Option<string?>("--prediction") { Description = "What the network predicts, where the file does not say: epsilon or v_prediction." };
        prediction.AcceptOnlyFromAmong("epsilon", "v_prediction");
        var head = new Option<int?>("--head-channels") { Description = "Channels of an attention head of an unconditional latent diffusion model." };
        var json = new Option<bool>("--json") { Description = "Print what was written as JSON." };
        var command = new Command("convert", "Writes a single-file checkpoint as a folder in diffusers' layout; tensors keep their bytes.") { file, output, prediction, head, json };
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            string folder = result.GetRequiredValue(output).FullName;
            var options = new ConversionOptions { Prediction = result.GetValue(prediction), HeadChannels = result.GetValue(head) };
            ConversionResult conversion;
            using (var progress = new ProgressLine()) conversion = CheckpointConverter.Convert(result.GetRequiredValue(file).FullName, folder, options, progress, cancellation);
            if (result.GetValue(json))
            {
                Console.WriteLine(CommandJson.Serialize(new { folder, conversion.Pipeline, conversion.Components, conversion.Notes }));
                return ExitCode.Success;
            }

            foreach (string note in conversion.Notes) Console.WriteLine(note);
            Console.WriteLine($"Wrote {folder}: {conversion.Pipeline} with {string.Join(", ", conversion.Components)}");
            return ExitCode.Success;
        })));
        return command;
    }
}
