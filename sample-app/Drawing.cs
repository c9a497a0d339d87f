using System.Diagnostics;
using Specializer;

namespace SampleApp;

/// <summary>Draws a run's images with one sampler, batch by batch, and keeps them and the time they took.</summary>
internal sealed class Drawing(string name, Sampler sampler, Request request, Subjects subjects, int all) : IDisposable
{
    private readonly SamplerSession _session = sampler.CreateSession();
    private readonly List<ImageBatch> _batches = [];
    private readonly List<double> _msPerImage = [];

    /// <summary>Wall-clock milliseconds of an image, for each batch that counts.</summary>
    public IReadOnlyList<double> MsPerImage => _msPerImage;

    /// <summary>All images of the batches that count, as one batch.</summary>
    public ImageBatch Images
    {
        get
        {
            ImageBatch one = _batches[0];
            return new([.. _batches.SelectMany(b => b.Pixels.ToArray())], one.Height, one.Width, one.Channels, [.. _batches.SelectMany(b => b.Ids)]);
        }
    }

    public ImageBatch Draw(int first, int count, CancellationToken cancellation)
    {
        var progress = new ProgressLine($"{name}, images {first + 1} to {first + count} of {all}");
        ImageBatch images = Draw(first, count, progress, cancellation);
        progress.Clear();
        return images;
    }

    /// <param name="first">First image of the run.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public ImageBatch Draw(int first, int count, IProgress<SampleProgress> progress, CancellationToken cancellation) => _session.Sample(
        subjects.Options(request, first, count), progress, cancellation);

    public void DrawAndCount(int first, int count, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        _batches.Add(Draw(first, count, cancellation));
        _msPerImage.Add(clock.Elapsed.TotalMilliseconds / count);
    }

    public void Dispose() => _session.Dispose();
}
