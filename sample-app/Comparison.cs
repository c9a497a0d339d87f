using System.Diagnostics;
using Specializer;
using Specializer.Calibration;
using Specializer.Formats;

namespace SampleApp;

/// <summary>What the command line asked for.</summary>
internal sealed record Request(
    int? Label, int Count, ulong Seed, float? Guidance, int Threads, FileInfo Output, FileInfo? Json, string Device);

/// <summary>Draws the same images with the specialized sampler and with the FP32 network, and reports.</summary>
internal static class Comparison
{
    public static void Run(Request request, CancellationToken cancellation)
    {
        using Device device = OpenDevice(request);
        using MnistSampler sampler = MnistSampler.Load(device);
        int[] labels = [.. Enumerable.Range(0, request.Count).Select(i => request.Label ?? i % 10)];

        Drawing quantized = Draw("quantized", sampler, request, labels, cancellation);

        using var cpu = new CpuDevice(request.Threads);
        ImportedModel model = DiffusersImporter.Load(
            Path.Combine(AppContext.BaseDirectory, "models", "mnist"), nullLabel: sampler.Description.NullLabel);
        using InterpretedSampler float32 = InterpretedSampler.Float32(
            model, sampler.Description.Steps.Count, eta: 1, device: cpu, guidance: sampler.Description.Guidance);
        Drawing reference = Draw("FP32", float32, request, labels, cancellation);

        string compare = Path.Combine(request.Output.DirectoryName!, "compare.png");
        request.Output.Directory!.Create();
        ImageGrid.Write(request.Output.FullName, quantized.Images, columns: Math.Min(request.Count, 16));
        ImageGrid.WriteRows(compare, columns: Math.Min(request.Count, 16), reference.Images, quantized.Images);

        var report = new Report(sampler.Description, device.Name, quantized, reference, new PairedImages(reference.Images.Pixels.Span, quantized.Images.Pixels.Span, model.Height * model.Width * model.Channels));
        report.Print(Console.Out);
        Console.WriteLine($"Wrote {request.Output.Name} and {Path.GetFileName(compare)} (FP32 above quantized) to {request.Output.DirectoryName}.");
        if (request.Json is not null) report.WriteJson(request.Json);
    }

    private static Drawing Draw(string name, Sampler sampler, Request request, int[] labels, CancellationToken cancellation)
    {
        using SamplerSession session = sampler.CreateSession();
        // The first image pays for compiling the code; it is not part of the figure, but it is what a user waits for.
        var clock = Stopwatch.StartNew();
        session.Sample(new() { Seed = request.Seed, Labels = [labels[0]], Guidance = request.Guidance }, null, cancellation);
        TimeSpan first = clock.Elapsed;

        var progress = new ProgressLine(name);
        clock.Restart();
        ImageBatch images = session.Sample(
            new() { Count = request.Count, Seed = request.Seed, Labels = labels, Guidance = request.Guidance }, progress, cancellation);
        TimeSpan elapsed = clock.Elapsed;
        progress.Clear();
        return new(images, elapsed, first, session.Bytes);
    }

    private static Device OpenDevice(Request request) => request.Device switch
    {
        "cpu" => new CpuDevice(request.Threads),
#if FULL_FEED
        "cuda" => Specializer.Ilgpu.IlgpuDevice.Cuda(),
        "opencl" => Specializer.Ilgpu.IlgpuDevice.OpenCL(),
#endif
        _ => throw new NotSupportedException(
            $"--device {request.Device} needs the ILGPU package, which this build was made without. Build with -p:FullFeed=true, or use --device cpu."),
    };
}

/// <summary>Images and what drawing them took.</summary>
/// <param name="Images">The images.</param>
/// <param name="Elapsed">Wall-clock time for all of them, warm.</param>
/// <param name="First">Wall-clock time of one image drawn before, cold.</param>
/// <param name="ArenaBytes">Working memory of the session.</param>
internal sealed record Drawing(ImageBatch Images, TimeSpan Elapsed, TimeSpan First, long ArenaBytes)
{
    public double MsPerImage => Elapsed.TotalMilliseconds / Images.Count;
}
