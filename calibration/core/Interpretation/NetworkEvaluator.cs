using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A network with its weights and memory on one device, for evaluating ε one batch at a time.</summary>
internal sealed class NetworkEvaluator : IDisposable
{
    private readonly PackedWeights _packed;
    private readonly DeviceWeights _weights;
    private readonly Execution _execution;
    private readonly int[] _noLabels;

    /// <param name="network">The network.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="tensor">Gives the little-endian bytes of a tensor, e.g. <see cref="ImportedModel.TensorBytes"/>.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="capacity">Images evaluated at once.</param>
    public NetworkEvaluator(Network network, int steps, Func<string, long, byte[]> tensor, Device device, int capacity)
    {
        Interpreter = new(network, steps);
        _noLabels = new int[capacity];
        _packed = Interpreter.Pack(tensor);
        try
        {
            _weights = device.Upload(_packed);
            _execution = device.CreateExecution(_weights, Interpreter.Plan.BytesPerImage, Interpreter.Vectors, capacity);
        }
        catch
        {
            _weights?.Dispose();
            _packed.Dispose();
            throw;
        }
    }

    public NetworkInterpreter Interpreter { get; }

    public int Capacity => _execution.Capacity;

    /// <summary>ε of a batch of any size, NHWC.</summary>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="parameters">Quantization and mean correction; <see cref="InterpretedStep.Float32"/> for an FP32 network.</param>
    /// <param name="x">States, NHWC, one after the other.</param>
    /// <param name="labels">One label an image; empty for an unconditional network.</param>
    /// <param name="epsilon">As long as <paramref name="x"/>.</param>
    /// <param name="observer">Told after each operation, for at most <see cref="Capacity"/> images at a time.</param>
    /// <param name="cancellation">Acts within the evaluation.</param>
    public void Evaluate(int step, InterpretedStep parameters, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon,
        OperationObserver? observer = null, CancellationToken cancellation = default)
    {
        int elements = Interpreter.LatentElements;
        int images = x.Length / elements;
        if (x.Length != images * elements || epsilon.Length != x.Length)
            throw new ArgumentException($"States of {elements} numbers an image are expected, and as many numbers of ε; there are {x.Length} and {epsilon.Length}.", nameof(x));
        if (labels.Length != images && labels.Length != 0)
            throw new ArgumentException($"{labels.Length} labels for {images} images; one for each, or none, is expected.", nameof(labels));
        for (int first = 0; first < images; first += Capacity)
        {
            int count = Math.Min(Capacity, images - first);
            ReadOnlySpan<int> chunk = labels.Length > 0 ? labels.Slice(first, count) : _noLabels.AsSpan(0, count);
            Range range = (first * elements)..((first + count) * elements);
            _execution.Begin(count, chunk, cancellation);
            _execution.Write(Interpreter.Latent, elements, x[range]);
            Interpreter.Run(_execution, step, parameters, observer);
            _execution.Read(Interpreter.Epsilon, elements, epsilon[range]);
        }
    }

    public void Dispose()
    {
        _execution.Dispose();
        _weights.Dispose();
        _packed.Dispose();
    }
}
