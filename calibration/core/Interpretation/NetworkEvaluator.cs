using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>A network with its weights and memory on one device, for evaluating ε one batch at a time.</summary>
internal sealed class NetworkEvaluator : IDisposable
{
    private readonly PackedWeights _packed;
    private readonly DeviceWeights _weights;
    private readonly Execution _execution;
    private readonly int[] _noLabels;
    private readonly Dictionary<string, float[]> _inputs = new(StringComparer.Ordinal);
    private readonly bool _isBorrowed;

    /// <param name="network">The network.</param>
    /// <param name="steps">Rows of the embedding's table.</param>
    /// <param name="tensor">Gives the little-endian bytes of a tensor, e.g. <see cref="ImportedModel.TensorBytes"/>.</param>
    /// <param name="device">Stays the caller's.</param>
    /// <param name="capacity">Images evaluated at once.</param>
    public NetworkEvaluator(Network network, int steps, Func<string, long, byte[]> tensor, Device device, int capacity)
    {
        Garbage.Collect(); // The tensors of the network before.
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

    private NetworkEvaluator(NetworkEvaluator other, Network network)
    {
        Interpreter = new(network, other.Interpreter.Steps);
        (_packed, _weights, _execution, _noLabels, _isBorrowed, Contexts) = (other._packed, other._weights, other._execution, other._noLabels, true, other.Contexts);
    }

    /// <summary>The same weights in the same memory, for a network that differs in the rows of the table that its steps read; until this one is disposed of.</summary>
    /// <param name="network">The network.</param>
    public NetworkEvaluator Reading(Network network) => new(this, network);

    public NetworkInterpreter Interpreter { get; }

    /// <summary>Set where labels are the numbers of conditions, whose contexts the network reads.</summary>
    public PromptContexts? Contexts { get; init; }

    /// <summary>What the network said of the variance in the last evaluation, as long as ε; empty where it says nothing.</summary>
    public float[] Variance { get; private set; } = [];

    public int Capacity => _execution.Capacity;

    /// <summary>Index of the first image of the batch that an observer is told of, among all that are evaluated.</summary>
    public int First { get; private set; }

    /// <summary>Gives one of the network's further inputs, for all evaluations that follow.</summary>
    /// <param name="input">Its name.</param>
    /// <param name="values">NHWC, for each image of the coming batches.</param>
    public void Give(string input, ReadOnlySpan<float> values)
    {
        if (!Interpreter.Network.Inputs.Contains(input))
            throw new ArgumentException($"The network has no input '{input}'; it has {(Interpreter.Network.Inputs.Count == 0 ? "none" : string.Join(", ", Interpreter.Network.Inputs))}.", nameof(input));
        _inputs[input] = values.ToArray();
    }

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
        int elements = Interpreter.LatentElements, outputs = Interpreter.Elements(Interpreter.Network.Epsilon);
        int images = x.Length / elements;
        if (x.Length != images * elements || epsilon.Length != images * outputs)
            throw new ArgumentException($"States of {elements} numbers an image are expected, and {outputs} numbers of ε for each; there are {x.Length} and {epsilon.Length}.", nameof(x));
        if (labels.Length != images && labels.Length != 0)
            throw new ArgumentException($"{labels.Length} labels for {images} images; one for each, or none, is expected.", nameof(labels));
        Variance = Interpreter.Variance is null ? [] : new float[epsilon.Length];
        for (int first = 0; first < images; first += Capacity)
        {
            int count = Begin(first, x, labels, cancellation);
            Interpreter.Run(_execution, step, parameters, observer);
            _execution.Read(Interpreter.Epsilon, outputs, epsilon.Slice(first * outputs, count * outputs));
            if (Interpreter.Variance is { } variance) _execution.Read(variance, outputs, Variance.AsSpan(first * outputs, count * outputs));
        }
    }

    /// <summary>Runs the network as far as one of its operations on a batch of any size.</summary>
    /// <param name="operation">Name of the operation.</param>
    /// <param name="step">Row of the embedding's table.</param>
    /// <param name="parameters">Quantization; <see cref="InterpretedStep.Float32"/> for an FP32 network.</param>
    /// <param name="x">States, NHWC, one after the other.</param>
    /// <param name="labels">One label an image; empty for an unconditional network.</param>
    /// <param name="observer">Told after each operation as far as that one, for at most <see cref="Capacity"/> images at a time.</param>
    /// <param name="cancellation">Acts within the evaluation.</param>
    public void EvaluateTo(string operation, int step, InterpretedStep parameters, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, OperationObserver observer, CancellationToken cancellation = default)
    {
        int last = 0;
        while (Interpreter.Network.Operations[last].Name != operation) last++;
        for (int first = 0; first < x.Length / Interpreter.LatentElements; first += Capacity)
        {
            Begin(first, x, labels, cancellation);
            Interpreter.RunTo(_execution, step, parameters, last, observer);
        }
    }

    /// <summary>Numbers of an image's inputs together.</summary>
    public int InputElements => Interpreter.Network.AllInputs().Sum(Interpreter.Elements);

    /// <summary>All that comes out of a network that knows no timestep, for a number of images of any size.</summary>
    /// <param name="parameters">Quantization; <see cref="InterpretedStep.Float32"/> for an FP32 network.</param>
    /// <param name="inputs">What each image's inputs hold, NHWC, one after the other.</param>
    /// <param name="observer">Told after each operation, for at most <see cref="Capacity"/> images at a time.</param>
    /// <param name="cancellation">Acts within the evaluation.</param>
    /// <returns>What each image's outputs hold, NHWC, one after the other.</returns>
    public float[] Evaluate(InterpretedStep parameters, ReadOnlySpan<float> inputs, OperationObserver? observer = null, CancellationToken cancellation = default)
    {
        string[] from = [.. Interpreter.Network.AllInputs()], to = [.. Interpreter.Network.AllOutputs()];
        int all = InputElements, images = inputs.Length / all, row = to.Sum(Interpreter.Elements);
        if (inputs.Length != images * all) throw new ArgumentException($"Inputs of {all} numbers an image are expected; there are {inputs.Length}.", nameof(inputs));
        var outputs = new float[images * row];
        for (int first = 0; first < images; first += Capacity)
        {
            First = first;
            int count = Math.Min(Capacity, images - first), at = 0;
            _execution.Begin(count, _noLabels.AsSpan(0, count), cancellation);
            foreach (string input in from)
            {
                int elements = Interpreter.Elements(input);
                var values = new float[count * elements];
                for (int i = 0; i < count; i++) inputs.Slice((first + i) * all + at, elements).CopyTo(values.AsSpan(i * elements));
                _execution.Write(Interpreter.Buffer(input), elements, values);
                at += elements;
            }

            Interpreter.Run(_execution, 0, parameters, observer);
            at = 0;
            foreach (string output in to)
            {
                int elements = Interpreter.Elements(output);
                var values = new float[count * elements];
                _execution.Read(Interpreter.Buffer(output), elements, values);
                for (int i = 0; i < count; i++) values.AsSpan(i * elements, elements).CopyTo(outputs.AsSpan((first + i) * row + at));
                at += elements;
            }
        }

        return outputs;
    }

    /// <summary>Gives the network the states from one on, and what goes with them; returns how many.</summary>
    private int Begin(int first, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, CancellationToken cancellation)
    {
        First = first;
        int elements = Interpreter.LatentElements, images = x.Length / elements, count = Math.Min(Capacity, images - first);
        ReadOnlySpan<int> conditions = labels.Length == 0 ? [] : labels.Slice(first, count), own = Contexts is null ? conditions : Contexts.LabelsOf(conditions);
        _execution.Begin(count, own.Length > 0 ? own : _noLabels.AsSpan(0, count), cancellation);
        _execution.Write(Interpreter.Latent, elements, x.Slice(first * elements, count * elements));
        if (Contexts is not null)
            foreach (string input in Contexts.Inputs) _execution.Write(Interpreter.Buffer(input), Interpreter.Elements(input), Contexts.Of(input, conditions));
        else foreach (string input in Interpreter.Network.Inputs) Write(input, first, count, images);
        return count;
    }

    private void Write(string input, int first, int count, int images)
    {
        int elements = Interpreter.Elements(input);
        if (!_inputs.TryGetValue(input, out float[]? values) || values.Length != (long)images * elements)
            throw new InvalidOperationException($"The input '{input}' needs {(long)images * elements} numbers for {images} images; {values?.Length ?? 0} were given.");
        _execution.Write(Interpreter.Buffer(input), elements, values.AsSpan(first * elements, count * elements));
    }

    public void Dispose()
    {
        if (_isBorrowed) return;
        _execution.Dispose();
        _weights.Dispose();
        _packed.Dispose();
    }
}
