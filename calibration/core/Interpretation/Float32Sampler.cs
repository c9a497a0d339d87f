using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Draws in FP32 what a model folder draws: prompts, their contexts, guided denoising along any scheduler, the decoder. Nothing is compiled or quantized.</summary>
/// <remarks>Noise is keyed as in generated samplers: equal seeds start from equal noise.</remarks>
public sealed class Float32Sampler : IDisposable
{
    private const int MostImages = 16;

    private readonly ImportedModel _model;
    private readonly SolverProgram _program;
    private readonly Device _device;
    private readonly NetworkEvaluator _network;
    private readonly PictureDecoder? _decoder;
    private readonly int _capacity;

    // Held while the device works, so that Dispose never frees memory under an evaluation.
    private readonly Lock _working = new();
    private bool _disposed;

    /// <param name="model">The model, with the other parts of its pipeline.</param>
    /// <param name="program">What happens between evaluations.</param>
    /// <param name="device">Stays the caller's.</param>
    internal Float32Sampler(ImportedModel model, SolverProgram program, Device device)
    {
        if (model.Pipeline?.Decoder is { } decoder && model.Decoder is null)
            throw new ArgumentException($"{model.Name} draws latents, and {decoder.Class} was not read with it. Load it with {nameof(PipelineImporter)}.", nameof(model));
        model = LearnedVariance.Split(model, program.LearnsVariance);
        (_model, _program, _device) = (model, program, device);
        _capacity = CapacityOf(model.Network);
        _network = InterpreterEngine.Evaluator(model, [.. program.Evaluations.Select(e => e.Timestep.Single)], device, _capacity);
        _decoder = model.Decoder is null ? null : new(model.Decoder, device);
    }

    /// <summary>Classes of schedulers that can be asked for.</summary>
    public static IEnumerable<string> Schedulers => SchedulerPrograms.Names;

    /// <summary>The network as it is evaluated.</summary>
    internal NetworkInterpreter Interpreter => _network.Interpreter;

    /// <summary>Told after each operation of the network.</summary>
    internal OperationObserver? Observer { get; set; }

    /// <summary>Prepares a model and a scheduler.</summary>
    /// <param name="model">The model, with the other parts of its pipeline (<see cref="PipelineImporter"/>).</param>
    /// <param name="scheduler">Family, such as <c>dpmsolver++</c>, or class in the source library, to build from the model's own configuration; null for the one that it names.</param>
    /// <param name="steps">Steps of a picture.</param>
    /// <param name="eta">η of DDIM or γ of TCD, in [0, 1]; null for the scheduler's default.</param>
    /// <param name="device">Where to run; stays the caller's.</param>
    /// <exception cref="ModelImportException">The scheduler's configuration is wrong, or asks for what cannot be computed.</exception>
    /// <exception cref="ArgumentException">Steps or η are out of range, or the model's decoder was not read.</exception>
    /// <exception cref="NotSupportedException">The scheduler asks for a learned variance.</exception>
    public static Float32Sampler Create(ImportedModel model, string? scheduler, int steps, double? eta, Device device)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(device);
        return new(model, model.Scheduler.Run(scheduler, steps, eta).Program, device);
    }

    /// <summary>Draws pictures.</summary>
    /// <param name="options">What to draw.</param>
    /// <param name="progress">Told after each evaluation.</param>
    /// <param name="cancellationToken">Acts within an evaluation.</param>
    /// <exception cref="ArgumentException">Prompts, contexts, labels or guidance do not fit the model or each other.</exception>
    /// <exception cref="ObjectDisposedException">The sampler was disposed of, before the call or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public ImageBatch Draw(Float32SampleOptions options, IProgress<SampleProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (conditions, labels) = options.Check(_model);
        PromptContexts? contexts = _model.Labels?.Contexts(_model.NullLabel) ?? _model.Text?.Encode(options.Prompts, options.NegativePrompt, _device, cancellationToken) ?? options.Contexts?.Of(_model);
        if (conditions.Length == 0)
        {
            conditions = labels;
        }
        else if (labels.Length > 0)
        {
            contexts = contexts!.With([.. conditions.Zip(labels)], _model.NullLabel);
            conditions = [.. Enumerable.Range(0, options.Count)];
        }

        NoCondition none = contexts?.None ?? _model.NullLabel;
        int elements = _model.Height * _model.Width * _model.Channels;
        var pictures = new List<float>();
        for (int first = 0; first < options.Count; first += _capacity)
        {
            int images = Math.Min(_capacity, options.Count - first);
            var solver = new ProgramInterpreter(_program, images, elements, ProgramInterpreter.Seeded(options.Seed, options.FirstImage + first));
            float[] x = new float[images * elements], prediction = new float[x.Length], unconditional = options.Guidance == 1 ? [] : new float[x.Length];
            int[] batch = conditions.Length == 0 ? [] : conditions[first..(first + images)];
            solver.Begin();
            for (int step = 0; step < _program.Evaluations.Count; step++)
            {
                solver.Input(step, x);
                float[] variance = Predict(step, x, batch, contexts, prediction, cancellationToken);
                if (options.Guidance != 1) Predict(step, x, none.Of(batch), contexts, unconditional, cancellationToken);
                GuidedPrediction.Combine(prediction, unconditional, options.Guidance);
                solver.Advance(step, prediction, variance);
                bool last = step + 1 == _program.Evaluations.Count;
                progress?.Report(new(step + 1, _program.Evaluations.Count, first + (last ? images : 0), options.Count));
            }

            solver.End();
            float[] finals = solver.State.ToArray();
            pictures.AddRange(_decoder is null ? finals : Decode(_decoder, finals, cancellationToken));
        }

        ImageId[] ids = [.. Enumerable.Range(0, options.Count).Select(i => new ImageId(options.Seed, options.FirstImage + i, labels.Length == 0 ? -1 : labels[i]))];
        Map picture = _model.Picture;
        return new([.. pictures], picture.Height, picture.Width, picture.Channels, ids);
    }

    /// <summary>Inputs evaluated at once: enough to share weights and threads, few enough to keep memory bounded.</summary>
    internal static int Capacity(Network network, int most) => (int)Math.Clamp((64L << 20) / Math.Max(1, new BufferPlan(network).BytesPerImage), 1, most);

    /// <summary>Images that a network draws at once.</summary>
    internal static int CapacityOf(Network network) => Capacity(network, MostImages);

    private float[] Predict(int step, float[] x, int[] conditions, PromptContexts? contexts, float[] epsilon, CancellationToken cancellationToken)
    {
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            foreach (string input in contexts?.Inputs ?? []) _network.Give(input, contexts!.Of(input, conditions));
            _network.Evaluate(step, InterpretedStep.Float32, x, contexts?.LabelsOf(conditions) ?? conditions, epsilon, Observer, cancellationToken);
            return _program.LearnsVariance ? _network.Variance : [];
        }
    }

    private float[] Decode(PictureDecoder decoder, float[] latents, CancellationToken cancellationToken)
    {
        lock (_working)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return decoder.Decode(latents, cancellationToken);
        }
    }

    /// <summary>Frees its memory. A call that is running ends after its current evaluation, with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        lock (_working)
        {
            _disposed = true;
            _network.Dispose();
            _decoder?.Dispose();
        }
    }
}
