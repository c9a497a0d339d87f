namespace Specializer.Calibration;

/// <summary>Networks in memory that the runs of several solvers evaluate, one run after the other: each is made once, when the first needs it. They differ in the rows of the table alone.</summary>
/// <param name="context">Of one of the solvers.</param>
internal sealed class SharedNetworks(CalibrationContext context) : IDisposable
{
    private readonly Dictionary<QuantizedTensors, NetworkEvaluator> _quantized = [];
    private IReferenceNetwork? _reference;

    /// <summary>The FP32 network for a solver, whose first evaluation is step 0.</summary>
    public IReferenceNetwork Reference(SchedulerRun solver)
    {
        _reference ??= ReferenceTrajectories.Create(context.Model, context.TableTimesteps, context.Options, context.Device);
        return new Rows(_reference, context.FirstRow(solver));
    }

    /// <summary>A quantized network for a solver.</summary>
    /// <param name="run">Of the solver.</param>
    /// <param name="variant">How it is quantized.</param>
    public NetworkEvaluator Quantized(CalibrationRun run, QuantizationVariant variant)
    {
        QuantizedTensors tensors = run.TensorsOf(variant);
        if (!_quantized.TryGetValue(tensors, out NetworkEvaluator? made)) _quantized.Add(tensors, made = run.Evaluator(variant));
        return made.Reading(run.NetworkOf(variant));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reference?.Dispose();
        foreach (NetworkEvaluator network in _quantized.Values) network.Dispose();
    }

    /// <summary>The network from a row of the table on.</summary>
    private sealed class Rows(IReferenceNetwork network, int first) : IReferenceNetwork
    {
        public void Give(string input, ReadOnlySpan<float> values) => network.Give(input, values);

        public void Evaluate(int step, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon, ReferenceOperationObserver? observer, CancellationToken cancellation) =>
            network.Evaluate(first + step, x, labels, epsilon, observer, cancellation);

        // It stays the others'.
        public void Dispose()
        {
        }
    }
}
