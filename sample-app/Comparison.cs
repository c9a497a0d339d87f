using System.Diagnostics;
using Specializer;
using Specializer.Calibration;
using Specializer.Formats;
using Specializer.Ilgpu;

namespace SampleApp;

/// <summary>What the command line asked for.</summary>
internal sealed record Request(
    int? Label, int Count, ulong Seed, float? Guidance, int Threads, FileInfo Output, FileInfo? Json, string Device);

/// <summary>Draws the same images with the specialized sampler and with the FP32 network, and reports.</summary>
internal static class Comparison
{
    // Large enough to share weights and threads, small enough that a run compares several batches.
    private const int BatchImages = 8;

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

        using Device device = OpenDevice(request);
        using MnistSampler sampler = MnistSampler.Load(device);
        // Copied beside the program with the FP32 model.
        if (CalibratedImages.Overlap(Path.Combine(AppContext.BaseDirectory, "models", "mnist", "mnist.calibration.json"), request.Seed, 0, request.Count) is { } warning)
            Console.Error.WriteLine($"warning: {warning}");
        int[] labels = [.. Enumerable.Range(0, request.Count).Select(i => request.Label ?? i % 10)];
        using var quantized = new Drawing("quantized", sampler, request, labels);
        quantized.Draw(first: 0, count: 1, new StepTable(sampler.Description, Console.Out), cancellation);
        TimeSpan firstImage = DateTime.Now - Process.GetCurrentProcess().StartTime;

        using var cpu = new CpuDevice(request.Threads);
        ImportedModel model = DiffusersImporter.Load(
            Path.Combine(AppContext.BaseDirectory, "models", "mnist"), nullLabel: sampler.Description.NullLabel);
        using InterpretedSampler float32 = InterpretedSampler.Float32(
            model, sampler.Description.Steps.Count, eta: 1, device: cpu, guidance: sampler.Description.Guidance);
        // Calibrated for DDIM, say, the two would draw different runs, and no figure below would mean anything.
        if (sampler.Description.Steps.Zip(float32.Description.Steps).Any(s => s.First.Timestep != s.Second.Timestep || MathF.Abs(s.First.Sigma - s.Second.Sigma) > 1e-5f))
            throw new NotSupportedException("The model is not calibrated for the steps that FP32 takes here. Give InterpretedSampler.Float32 (Comparison.cs) the η and the sampler of the calibration.");
        using var reference = new Drawing("FP32", float32, request, labels);

        // One batch each that does not count warms code and caches. Then the two take turns, so that whatever else the machine does meets both.
        quantized.Draw(0, Math.Min(BatchImages, request.Count), cancellation);
        reference.Draw(0, Math.Min(BatchImages, request.Count), cancellation);
        for (int first = 0; first < request.Count; first += BatchImages)
        {
            int count = Math.Min(BatchImages, request.Count - first);
            quantized.DrawAndCount(first, count, cancellation);
            reference.DrawAndCount(first, count, cancellation);
        }

        ImageBatch small = quantized.Images, large = reference.Images;
        ImageGrid.Write(request.Output.FullName, small, columns: Math.Min(request.Count, 16));
        ImageGrid.WriteRows(compare, columns: Math.Min(request.Count, 16), large, small);

        var report = new Report(sampler.Description, device.Name, firstImage, quantized.MsPerImage, reference.MsPerImage,
            new PairedImages(large.Pixels.Span, small.Pixels.Span, model.Height * model.Width * model.Channels));
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
