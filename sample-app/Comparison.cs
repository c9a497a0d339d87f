using System.Diagnostics;
using Specializer;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Ilgpu;

namespace SampleApp;

/// <summary>What the command line asked for.</summary>
internal sealed record Request(
    string Model, string? Scheduler, IReadOnlyList<string> Prompts, int? Label, int? Count, ulong Seed, float? Guidance, int Threads, FileInfo Output, FileInfo? Json, FileInfo? Nearest, string Device);

/// <summary>Draws the same images with the specialized sampler and with the FP32 network, and reports.</summary>
internal static class Comparison
{
    // Large enough to share weights and threads, small enough that a run compares several batches.
    private const int BatchImages = 8;

    // Times of fewer say nothing.
    private const int LeastBatches = 3;

    // Of the digits; of prompts there is one for each.
    private const int Digits = 64;

    // Sheets are for screens: small pictures are enlarged, to this at most.
    private const int MostPictureSide = 256, MostSheetSide = 1600;

    public static void Run(Request request, CancellationToken cancellation)
    {
        string compare = Path.Combine(request.Output.DirectoryName ?? "", "compare.png");
        if (request.Output.FullName == compare) throw new ArgumentException("--out must not be compare.png, which the comparison with FP32 is called.");
        if (request.Json?.FullName is { } json && (json == compare || json == request.Output.FullName)) throw new ArgumentException("--json must not be one of the pictures' files.");
        // A folder that cannot be made, or stands where a file should, is reported now, not after the last image.
        foreach (FileInfo file in new[] { request.Output, request.Json }.OfType<FileInfo>())
        {
            if (Directory.Exists(file.FullName)) throw new IOException($"{file.FullName} is a folder. Name a file to write.");
            file.Directory!.Create();
            Probe(file);
        }

        ShownModel shown = ShownModel.Find(request.Model, request.Scheduler);
        TrainingPictures? training = request.Nearest is { } pictures ? TrainingPictures.Read(pictures.FullName) : null;
        using Device device = OpenDevice(request);
        using Sampler sampler = shown.Load(device);
        Subjects subjects = Subjects.Of(sampler.Description, request.Label, request.Prompts);
        if (training is not null && subjects.Prompts.Count == 0) throw new ArgumentException("--nearest compares pictures with the captions that their prompts are, and the digits have none.");
        int images = request.Count ?? (subjects.Prompts.Count > 0 ? subjects.Count : Digits);
        // Copied beside the program with the FP32 model.
        if (CalibratedImages.Overlap(shown.ManifestPath, request.Seed, 0, images) is { } warning) Console.Error.WriteLine($"warning: {warning}");
        using var quantized = new Drawing("quantized", sampler, request, subjects, images);
        quantized.Draw(first: 0, count: 1, new StepTable(sampler.Description, Console.Out), cancellation);
        TimeSpan firstImage = DateTime.Now - Process.GetCurrentProcess().StartTime;

        using var cpu = new CpuDevice(request.Threads);
        using InterpretedSampler float32 = shown.Float32(sampler.Description, cpu);
        using var reference = new Drawing("FP32", float32, request, subjects, images);

        // One batch each that does not count warms code and caches. Then the two take turns, so that whatever else the machine does meets both.
        quantized.Draw(0, Math.Min(BatchImages, images), cancellation);
        reference.Draw(0, Math.Min(BatchImages, images), cancellation);
        // Few images are drawn again, for the median of one batch is what the machine did just then.
        for (int round = 0; reference.MsPerImage.Count < LeastBatches; round++)
        {
            for (int first = 0; first < images; first += BatchImages)
            {
                int count = Math.Min(BatchImages, images - first);
                quantized.DrawAndCount(first, count, again: round > 0, cancellation);
                reference.DrawAndCount(first, count, again: round > 0, cancellation);
            }
        }

        ImageBatch small = quantized.Images, large = reference.Images;
        // Rows that are full, where the number allows it and they are not short; fewer of larger pictures.
        int most = Math.Clamp(512 / small.Width, 4, 16);
        int columns = images <= most ? images : Enumerable.Range(most / 2, most - most / 2 + 1).LastOrDefault(c => images % c == 0, most);
        int rows = 2 * ((images + columns - 1) / columns), side = Math.Clamp(MostSheetSide / Math.Max(columns, rows), 1, MostPictureSide);
        ImageGrid.Write(request.Output.FullName, small.EnlargeTo(side), columns);
        ImageGrid.WriteRows(compare, columns, large.EnlargeTo(side), small.EnlargeTo(side));

        var report = new Report(sampler.Description, device.Name, firstImage, quantized.MsPerImage, reference.MsPerImage,
            new PairedImages(large.Pixels.Span, small.Pixels.Span, large[0].Length))
        {
            NearestFloat32 = training is null ? [] : NearestPictures.Of(large, subjects.Prompt, training),
            NearestQuantized = training is null ? [] : NearestPictures.Of(small, subjects.Prompt, training),
        };
        report.Print(Console.Out);
        Console.WriteLine($"Wrote {request.Output.Name} and {Path.GetFileName(compare)} (FP32 above quantized) to {request.Output.DirectoryName}.");
        if (request.Json is not null) report.WriteJson(request.Json);
    }

    /// <summary>Pictures are written beside their place first and renamed, so it is the folder that must take new files.</summary>
    private static void Probe(FileInfo file)
    {
        try
        {
            new FileStream(Path.Combine(file.DirectoryName!, Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{file.FullName} cannot be written: its folder takes no new file. Name another, or see to its permissions and to the room on its disk.", e);
        }
    }

    private static Device OpenDevice(Request request) => request.Device switch
    {
        "cuda" => IlgpuDevice.Cuda(),
        "opencl" => IlgpuDevice.OpenCL(),
        "ilgpu-cpu" => IlgpuDevice.Cpu(),
        _ => new CpuDevice(request.Threads),
    };
}
