using System.Diagnostics;
using Specializer.Calibration;

namespace Specializer.Reporting;

/// <summary>Draws the same images with several samplers, batch by batch and in turn: FP32 once, its states shared by all, and times that a busy machine
/// disturbs alike. Memory does not grow with the number of images, but for a few sums of each.</summary>
internal sealed class PairedRun : IDisposable
{
    private readonly SamplerDescription _description;
    private readonly EvaluationOptions _options;
    private readonly ulong _seed;
    private readonly DigitReference? _digits;
    private readonly IReadOnlyList<IReadOnlyList<int>> _prompts;
    private readonly SamplerSession[] _sessions;
    private readonly Checkpoint _checkpoint;
    private readonly int _batch;

    /// <param name="samplers">FP32 first; they stay the caller's.</param>
    /// <param name="options">Which images.</param>
    /// <param name="seed">Of their noise.</param>
    /// <param name="digits">Classifier, or null.</param>
    /// <param name="checkpoint">Written after each batch; null for none.</param>
    /// <param name="prompts">Tokens of what is drawn; null where nothing or labels say it.</param>
    public PairedRun(IReadOnlyList<Sampler> samplers, EvaluationOptions options, ulong seed, DigitReference? digits, Checkpoint? checkpoint = null, IReadOnlyList<IReadOnlyList<int>>? prompts = null)
    {
        _checkpoint = checkpoint ?? Checkpoint.None;
        SamplerDescription d = _description = samplers[0].Description;
        (_options, _seed, _digits, _prompts) = (options, seed, digits, prompts ?? []);
        int capacity = SamplerSession.DefaultCapacity(d.BytesPerImage);
        _batch = d.Guidance == 1 ? capacity : capacity / 2;
        _sessions = [.. samplers.Select(s => s.CreateSession(capacity))];
        Rows = NewRows();
    }

    /// <summary>One a sampler.</summary>
    public IReadOnlyList<RowMeasurement> Rows { get; private set; }

    /// <summary>Features of FP32 images of other seeds; empty without a classifier.</summary>
    public float[] OtherFloat32Features { get; private set; } = [];

    /// <summary>Units of progress that <see cref="Run"/> reports: one for each batch and sampler.</summary>
    public int Units => (_options.Images + _batch - 1) / _batch * (_sessions.Length + (_digits is null ? 0 : 1));

    /// <summary>Draws everything.</summary>
    /// <param name="unitDone">Told after each batch of a sampler.</param>
    /// <param name="resumed">Told how many of them an earlier, interrupted run drew.</param>
    /// <param name="cancellation">Acts within a step.</param>
    public void Run(Action<string> unitDone, Action<int> resumed, CancellationToken cancellation)
    {
        int batches = _checkpoint.Load("images", (_options.Images + _batch - 1) / _batch, (reader, done) =>
        {
            RowMeasurement[] read = NewRows();
            foreach (RowMeasurement row in read) row.Read(reader, done, Math.Min(done * _batch, _options.Images), _digits?.Features);
            Rows = read;
        });
        resumed(batches * Rows.Count);
        for (int first = batches * _batch; first < _options.Images; first += _batch)
        {
            int count = Math.Min(_batch, _options.Images - first);
            SampleOptions images = Images(_options.FirstImage + first, count);
            var reference = new ReadOnlyMemory<float>[_description.Steps.Count];
            for (int row = 0; row < Rows.Count; row++)
            {
                RowMeasurement into = Rows[row];
                into.AddTime(Draw(_sessions[row], images, (step, state) =>
                {
                    if (row == 0) reference[step] = state;
                    else into.AddState(step, reference[step].Span, state.Span);
                    if (step + 1 < reference.Length) return;
                    into.AddImages(first, reference[step].Span, state.Span);
                    if (_digits is null) return;
                    var (labels, features) = _digits.Classify(state.Span);
                    into.AddDigits(labels, [.. images.Labels], features);
                }, cancellation), count);
                unitDone("paired images");
            }

            _checkpoint.Save("images", first / _batch + 1, writer =>
            {
                foreach (RowMeasurement row in Rows) row.Write(writer);
            });
        }

        if (_digits is null) return;
        var other = new List<float>();
        for (int first = 0; first < _options.Images; first += _batch)
        {
            // The images that follow: other noise, the same labels.
            int count = Math.Min(_batch, _options.Images - first);
            SampleOptions images = Images(_options.FirstImage + first, count) with { FirstImage = _options.FirstImage + _options.Images + first };
            other.AddRange(_digits.Classify(_sessions[0].Sample(images, null, cancellation).Pixels.Span).Features);
            unitDone("FP32 images of other seeds");
        }

        OtherFloat32Features = [.. other];
    }

    public void Dispose()
    {
        foreach (SamplerSession session in _sessions) session.Dispose();
    }

    private RowMeasurement[] NewRows() => [.. _sessions.Select(_ => new RowMeasurement(
        _options.Images, _description.Channels, _description.Height * _description.Width * _description.Channels, _description.Steps.Count, new(_description.Height, _description.Width, _description.Channels)))];

    private SampleOptions Images(long first, int count)
    {
        SampleOptions images = Labelled(first, count);
        if (_options.Contexts is not { } given) return images;
        int[] contexts = TrajectoryLabels.Of(given.Count, none: -1, _seed, first, count);
        return images with { Inputs = given.InputsOf(contexts), NegativeInputs = given.NegativeInputsOf(contexts) };
    }

    private SampleOptions Labelled(long first, int count) => new()
    {
        Count = count, Seed = _seed, FirstImage = first, Labels = TrajectoryLabels.Of(_description.Classes, _description.NullLabel, _seed, first, count), Guidance = _description.Guidance,
        Tokens = [.. TrajectoryLabels.Of(_prompts.Count, none: -1, _seed, first, count).Select(prompt => _prompts[prompt])],
    };

    /// <summary>Milliseconds of one batch, without what <paramref name="visit"/> takes.</summary>
    private static double Draw(SamplerSession session, SampleOptions images, Action<int, ReadOnlyMemory<float>> visit, CancellationToken cancellation)
    {
        var clock = new Stopwatch();
        using IEnumerator<SamplePreview> states = session.PreviewAsync(images, cancellation).ToBlockingEnumerable(cancellation).GetEnumerator();
        while (true)
        {
            clock.Start();
            bool more = states.MoveNext();
            clock.Stop();
            if (!more) return clock.Elapsed.TotalMilliseconds;
            visit(states.Current.Step - 1, states.Current.Images.Pixels);
        }
    }
}
