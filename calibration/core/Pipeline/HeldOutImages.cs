using Specializer.Manifest;
using Specializer.Schedulers;

namespace Specializer.Calibration;

/// <summary>Free-running images of trajectories that no statistics were collected on: the images that follow them under the same seed.</summary>
internal sealed class HeldOutImages
{
    private const int Most = 64, Least = 16;
    private const int PooledSide = 7;

    private readonly ImportedModel _model;
    private readonly CalibrationOptions _options;
    private readonly Device _device;
    private readonly float[] _reference;
    private readonly Action<double>? _work;
    private readonly CancellationToken _cancellation;

    /// <param name="model">The model.</param>
    /// <param name="scheduler">Of the calibration.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="device">Where samplers run.</param>
    /// <param name="work">Told the share of a trajectory set that is done.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public HeldOutImages(ImportedModel model, Scheduler scheduler, CalibrationOptions options, Device device, Action<double>? work, CancellationToken cancellation)
    {
        (_model, _options, _device, _work, _cancellation) = (model, options, device, work, cancellation);
        if (model.Contexts is not null)
        {
            _reference = Float32(scheduler);
            return;
        }

        using var sampler = InterpretedSampler.Float32(model, options.Steps, options.Eta, scheduler is DdpmScheduler ? "ddpm" : "ddim", device, (float)options.Guidance);
        _reference = Draw(sampler);
    }

    /// <summary>Number of images.</summary>
    public static int Count(CalibrationOptions options) => Math.Clamp(options.Trajectories / 4, Least, Most);

    /// <summary>Images of a calibrated network.</summary>
    public float[] Draw(CalibrationManifest manifest, QuantizedTensors tensors)
    {
        if (_model.Contexts is not null) return ContextRun.Draw(manifest, tensors.Bytes, _model, _options, Count(_options), _device, _work, _cancellation);
        using var sampler = InterpretedSampler.FromManifest(manifest, tensors.Bytes, _device);
        return Draw(sampler);
    }

    /// <summary>Squared error of each final image to FP32's, in dB of its mean.</summary>
    public double[] ErrorsDb(float[] images)
    {
        int elements = _model.Height * _model.Width * _model.Channels;
        var pairs = new PairedImages(_reference, images, elements);
        // A floor far below any difference that shows keeps equal images comparable.
        return [.. Enumerable.Range(0, pairs.Count).Select(i => 10 * Math.Log10(pairs.MeanSquaredError(i) + 1e-12))];
    }

    /// <summary>Fréchet distance to FP32's images on pixels averaged over a coarse grid: needs no classifier, and sees a change of brightness, contrast and form.</summary>
    public double Frechet(float[] images) => FrechetDistance.Between(Pool(_reference), Pool(images), Features);

    private int Features => Math.Min(PooledSide, _model.Height) * Math.Min(PooledSide, _model.Width) * _model.Channels;

    private float[] Draw(InterpretedSampler sampler)
    {
        int count = Count(_options);
        int[] labels = TrajectoryLabels.Of(_model, _options.Seed, _options.Trajectories, count);
        var options = new SampleOptions { Count = count, Seed = _options.Seed, FirstImage = _options.Trajectories, Labels = labels };
        using SamplerSession session = sampler.CreateSession();
        return session.Sample(options, _work is null ? null : new Relay(_work, count), _cancellation).Pixels.ToArray();
    }

    private float[] Float32(Scheduler scheduler)
    {
        var finals = new List<float>();
        using var reference = new ReferenceTrajectories(_model, scheduler, _options, _device);
        int images = Count(_options);
        for (int first = 0; first < images; first += ReferenceTrajectories.UnitImages)
        {
            int count = Math.Min(ReferenceTrajectories.UnitImages, images - first);
            finals.AddRange(reference.Finals(_options.Trajectories + first, count, _cancellation));
            _work?.Invoke((double)count / images);
        }

        return [.. finals];
    }

    private float[] Pool(float[] images)
    {
        int height = _model.Height, width = _model.Width, channels = _model.Channels, rows = Math.Min(PooledSide, height), columns = Math.Min(PooledSide, width);
        var pooled = new float[images.Length / (height * width * channels) * Features];
        for (int i = 0; i < images.Length; i++)
        {
            int c = i % channels, x = i / channels % width, y = i / (channels * width) % height, n = i / (channels * width * height);
            pooled[n * Features + (y * rows / height * columns + x * columns / width) * channels + c] += images[i] * rows * columns / (height * width);
        }

        return pooled;
    }

    /// <summary>Steps of a run as shares of the whole; called in order, on the drawing thread.</summary>
    private sealed class Relay(Action<double> work, int count) : IProgress<SampleProgress>
    {
        private double _before;

        public void Report(SampleProgress value)
        {
            double batch = Math.Min(1, SamplesPerBatch(value) / count);
            double now = Math.Min(1, (double)value.ImagesDone / count + (value.Step < value.Steps ? batch * value.Step / value.Steps : 0));
            work(Math.Max(0, now - _before));
            _before = Math.Max(_before, now);
        }

        private double SamplesPerBatch(SampleProgress value) => Math.Min(16, count - value.ImagesDone);
    }
}
