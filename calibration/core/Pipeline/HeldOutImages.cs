using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Free-running images of trajectories that no statistics were collected on: the images that follow them under the same seed.</summary>
internal sealed class HeldOutImages
{
    // Of the trajectories: statistics and evidence become sharper together, and neither costs much beside the other.
    private const int Share = 4;

    private const int Usual = 64;

    private readonly ImportedModel _model;
    private readonly CalibrationOptions _options;
    private readonly Device _device;
    private readonly CoarsePixels _coarse;
    private readonly float[] _reference, _features;
    private readonly Action<double>? _work;
    private readonly CancellationToken _cancellation;

    /// <param name="model">The model.</param>
    /// <param name="program">Of the calibration.</param>
    /// <param name="options">Of the calibration.</param>
    /// <param name="device">Where samplers run.</param>
    /// <param name="work">Told the share of a trajectory set that is done.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public HeldOutImages(ImportedModel model, SolverProgram program, CalibrationOptions options, Device device, Action<double>? work, CancellationToken cancellation)
    {
        (_model, _options, _device, _work, _cancellation) = (model, options, device, work, cancellation);
        _coarse = new(model.Height, model.Width, model.Channels);
        // Of a pipeline the network alone, which is what the calibration decides on: contexts are at hand, and states are compared.
        ImportedModel alone = model with { Text = null, Decoder = null, Encoder = null, Labels = null, NullLabel = model.Labels is null ? model.NullLabel : -1 };
        using (var sampler = InterpretedSampler.Float32(alone, program, device, (float)options.Guidance))
            _reference = Draw(sampler);
        _features = _coarse.Of(_reference);
    }

    /// <summary>Number of images: a quarter of the trajectories, at least 64; but where there are fewer trajectories than that, as many, and at least a unit.</summary>
    public static int Count(CalibrationOptions options) =>
        Math.Max(options.Trajectories / Share, Math.Clamp(options.Trajectories, ReferenceTrajectories.UnitImages, Usual));

    /// <summary>The first half of the images, on which the best of several is chosen.</summary>
    public static int[] Choosing(CalibrationOptions options) => [.. Enumerable.Range(0, Count(options) / 2)];

    /// <summary>The other half, on which what was chosen is confirmed: of the best of several, the images that chose it show too good a figure.</summary>
    public static int[] Confirming(CalibrationOptions options) => [.. Enumerable.Range(0, Count(options)).Skip(Count(options) / 2)];

    /// <summary>Mean over some images of a change in dB, with its interval.</summary>
    /// <param name="with">Of each held-out image with a change: <see cref="ErrorsDb"/>.</param>
    /// <param name="without">And without.</param>
    /// <param name="images">Which images.</param>
    /// <param name="seed">Of the bootstrap.</param>
    public static Interval Change(double[] with, double[] without, int[] images, ulong seed) =>
        Bootstrap.Estimate(images.Length, i => i.Average(n => with[images[n]] - without[images[n]]), seed);

    /// <summary>Images of a calibrated network.</summary>
    public float[] Draw(CalibrationManifest manifest, QuantizedTensors tensors)
    {
        using var sampler = InterpretedSampler.FromManifest(manifest, tensors.Bytes, _device);
        return Draw(sampler);
    }

    /// <summary>Squared error of each final image to FP32's, in dB of its mean.</summary>
    public double[] ErrorsDb(float[] images)
    {
        int elements = _model.Height * _model.Width * _model.Channels;
        var pairs = new PairedImages(_reference, images, elements);
        return [.. Enumerable.Range(0, pairs.Count).Select(pairs.ErrorDb)];
    }

    /// <summary>What a change does to the Fréchet distance to FP32's images on <see cref="CoarsePixels"/>, with its interval over images.</summary>
    /// <param name="with">Images with it.</param>
    /// <param name="without">And without.</param>
    public (double With, double Without, Interval Change) Frechet(float[] with, float[] without)
    {
        float[] a = _coarse.Of(with), b = _coarse.Of(without);
        double[] distances = Distances([.. Enumerable.Range(0, Count(_options))]);
        return (distances[0], distances[1], Bootstrap.Estimate(Count(_options), images => Distances(images) is var d ? d[0] - d[1] : 0, _options.Seed));

        double[] Distances(int[] images)
        {
            float[] reference = _coarse.Rows(_features, images);
            return [FrechetDistance.Between(reference, _coarse.Rows(a, images), _coarse.Features), FrechetDistance.Between(reference, _coarse.Rows(b, images), _coarse.Features)];
        }
    }

    private float[] Draw(InterpretedSampler sampler)
    {
        int count = Count(_options);
        int[] labels = TrajectoryLabels.Of(_model, _options.Seed, _options.Trajectories, count);
        var options = new SampleOptions { Count = count, Seed = _options.Seed, FirstImage = _options.Trajectories, Labels = labels };
        if (_model.Contexts is { } contexts)
        {
            options = options with
            {
                Labels = contexts.LabelsOf(labels),
                Inputs = contexts.Of(labels),
                NegativeInputs = contexts.None.First < 0 || _model.EmbeddedGuidance is not null ? [] : contexts.Of(contexts.None.Count == 1 ? [contexts.None.First] : contexts.None.Of(labels)),
            };
        }

        using SamplerSession session = sampler.CreateSession();
        return session.Sample(options, _work is null ? null : new Relay(_work, count), _cancellation).Pixels.ToArray();
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
