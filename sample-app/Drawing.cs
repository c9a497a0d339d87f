using System.Diagnostics;
using Specializer;
using Specializer.Calibration;

namespace SampleApp;

/// <summary>Draws a run's images with one sampler, batch by batch, and keeps them and the time they took.</summary>
internal sealed class Drawing(string name, Sampler sampler, Request request, Subjects subjects, int all) : IDisposable
{
    private static readonly StatusLine s_line = new();

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
        ImageBatch images = Draw(first, count, new ProgressLine(s_line, $"{name}, images {first + 1} to {first + count} of {all}"), cancellation);
        s_line.Clear();
        return images;
    }

    /// <param name="first">First image of the run.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public ImageBatch Draw(int first, int count, IProgress<SampleProgress> progress, CancellationToken cancellation) => _session.Sample(
        subjects.Options(request, first, count), progress, cancellation);

    /// <param name="first">First image of the run.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="again">Whether the images are there already, and only the time counts.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public void DrawAndCount(int first, int count, bool again, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        ImageBatch images = Draw(first, count, cancellation);
        _msPerImage.Add(clock.Elapsed.TotalMilliseconds / count);
        if (!again) _batches.Add(images);
    }

    public void Dispose() => _session.Dispose();
}
