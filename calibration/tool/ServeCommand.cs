using System.CommandLine;
using Specializer.Calibration;
using Specializer.Gallery;
using Specializer.Manifest;

namespace Specializer.Tool;

/// <summary><c>specializer serve</c>: the gallery for an artefact, on this computer alone, without a build.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var artefact = new Argument<string>("artefact") { Description = "NAME.calibration.json, its weights beside it, or the folder of both." };
        var folder = new Option<DirectoryInfo?>("--model") { Description = "Folder of the FP32 model, to draw beside; the artefact's folder where that is one." };
        var alone = new Option<bool>("--alone") { Description = "Without FP32 beside." };
        var examples = new Option<string[]>("--example") { Description = "Prompts that the page offers.", AllowMultipleArgumentsPerToken = true };
        var port = SiloCommand.Port("--port", "Port on the loopback addresses; 0 for any that is free.", new GallerySettings().Port);
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 for all." };
        var json = new Option<bool>("--json") { Description = "Print the address as JSON." };
        var command = new Command("serve", "Opens a page, for this computer alone, where an artefact and its FP32 model are asked for pictures and watched; interpreted, so that nothing need be built. Until Ctrl-C.")
        {
            artefact, folder, alone, examples, port, threads, json,
        };
        command.SetAction((result, cancellation) => Task.Run(() => ExitCode.Of(() =>
        {
            var device = new CpuDevice(result.GetValue(threads));
            using GalleryModel model = Load(result.GetRequiredValue(artefact), result.GetValue(folder)?.FullName, result.GetValue(alone), result.GetValue(examples) ?? [], device, Console.Error);
            return Run(model, new() { Port = result.GetValue(port) }, result.GetValue(json), Console.Out, cancellation).GetAwaiter().GetResult();
        }), cancellation));
        return command;
    }

    /// <summary>Opens an artefact and, where it is wanted and there, its FP32 model.</summary>
    /// <param name="artefact">Manifest or folder.</param>
    /// <param name="folder">Of the FP32 model; null for the artefact's.</param>
    /// <param name="alone">Whether FP32 is left out.</param>
    /// <param name="examples">Prompts to offer.</param>
    /// <param name="device">Where both run; the result's from now on.</param>
    /// <param name="remarks">Told why FP32 is not shown.</param>
    internal static GalleryModel Load(string artefact, string? folder, bool alone, IReadOnlyList<string> examples, CpuDevice device, TextWriter remarks)
    {
        string path = CalibrationArtifact.Find(artefact);
        using CalibrationArtifact opened = CalibrationArtifact.Open(path);
        CalibrationManifest manifest = opened.Manifest;
        if (GivenContexts.Needed(manifest) is [var input, ..])
            throw new ArgumentException($"{path}: each picture is given {GivenContexts.Describe(input)}, which a page cannot do. Draw with a program ({nameof(SampleOptions)}.{nameof(SampleOptions.Inputs)}), or look at the artefact with evaluate --contexts FILE --html FILE.");
        InterpretedSampler? float32 = null;
        try
        {
            if (!alone) float32 = Float32(manifest, folder ?? Path.GetDirectoryName(Path.GetFullPath(path))!, device);
        }
        catch (ModelImportException e) when (folder is null)
        {
            remarks.WriteLine($"FP32 is not shown: {e.Message} --model names the folder where its model is; --alone says that it is not wanted.");
        }

        return new(device, InterpretedSampler.FromManifest(manifest, opened.Tensor, device), float32, examples.Count > 0 ? examples : manifest.Prompt is null ? null : []);
    }

    private static InterpretedSampler Float32(CalibrationManifest manifest, string folder, CpuDevice device)
    {
        ImportedModel model = PipelineImporter.LoadFor(folder, manifest);
        return model.Sha256 == manifest.Model.Sha256 ? InterpretedSampler.Float32(model, model.Scheduler.Run(manifest.Scheduler, manifest.ReadsMask).Program, device, manifest.Sampling.Guidance.Single)
            : throw new ArtifactException(folder, "the model there is not the one that the artefact was calibrated from. Name the right folder with --model, or leave FP32 out (--alone).");
    }

    private static async Task<int> Run(GalleryModel model, GallerySettings settings, bool json, TextWriter output, CancellationToken cancellation)
    {
        await using WebApplication app = GalleryServer.Create(model, settings);
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (IOException e)
        {
            throw new IOException($"Port {settings.Port} of this computer cannot be listened on: {e.Message} Name another with --port, or 0 for any.", e);
        }

        string url = app.Urls.First();
        output.WriteLine(json ? CommandJson.Serialize(new { url, model = model.Description.Name, reference = model.Float32 is not null }) : $"{model.Description.Name} is at {url}. Ctrl-C ends it.");
        await app.WaitForShutdownAsync(cancellation);
        return ExitCode.Success;
    }
}
