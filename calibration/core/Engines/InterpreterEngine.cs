namespace Specializer.Calibration;

/// <summary>The FP32 network on this project's own kernels: the same bits on every machine.</summary>
/// <param name="device">Where it runs; stays the caller's.</param>
public sealed class InterpreterEngine(Device device) : ReferenceEngine
{
    private readonly Device _device = device ?? throw new ArgumentNullException(nameof(device));

    /// <inheritdoc/>
    public override string Name => "interpreter";

    internal override IReferenceNetwork Create(ImportedModel model, IReadOnlyList<float> timesteps, int capacity) =>
        new InterpretedNetwork(Evaluator(model, timesteps, _device, capacity));

    /// <summary>A model's network on a device: what its files store in FP16 stays in it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="timesteps">One row of the embedding's table for each.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="capacity">Images evaluated at once.</param>
    internal static NetworkEvaluator Evaluator(ImportedModel model, IReadOnlyList<float> timesteps, Device device, int capacity) =>
        new(model.StoredNetwork, timesteps.Count, model.TensorBytes(timesteps), device, capacity);

    private sealed class InterpretedNetwork(NetworkEvaluator evaluator) : IReferenceNetwork, IReferenceMaps
    {
        private Execution? _run;

        public int First => evaluator.First;

        public int Images => _run!.Batch;

        public void Read(string map, Span<float> destination) => evaluator.Interpreter.Read(_run!, map, destination);

        public void Give(string input, ReadOnlySpan<float> values) => evaluator.Give(input, values);

        public void Evaluate(int step, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon,
            ReferenceOperationObserver? observer, CancellationToken cancellation) =>
            evaluator.Evaluate(step, InterpretedStep.Float32, x, labels, epsilon, observer is null ? null : (operation, run) =>
            {
                _run = run;
                observer(operation, this);
            }, cancellation);

        public void Dispose() => evaluator.Dispose();
    }
}
