using Specializer.Manifest;
using TorchSharp;
using static TorchSharp.torch;

namespace Specializer.Calibration.TorchSharp;

/// <summary>An imported FP32 network on libtorch. Maps are freed after their last use.</summary>
internal sealed class TorchNetwork : IReferenceNetwork
{
    private readonly Network _network;
    private readonly Map _latent, _epsilon;
    private readonly TorchParameters _parameters;
    private readonly TorchOperations _operations;
    private readonly string[][] _lastUses; // [operation]: maps that nothing reads afterwards
    private readonly int _capacity;
    private readonly Dictionary<string, float[]> _inputs = new(StringComparer.Ordinal);

    public TorchNetwork(ImportedModel model, IReadOnlyList<float> timesteps, torch.Device device, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        (_network, _capacity) = (model.Network, capacity);
        _latent = _network.Maps.Single(m => m.Name == _network.Latent);
        _epsilon = _network.Maps.Single(m => m.Name == _network.Epsilon);
        _parameters = new(model, timesteps, device);
        _operations = new(_network, _parameters);
        _lastUses = LastUses(_network);
    }

    /// <inheritdoc/>
    public void Give(string input, ReadOnlySpan<float> values) => _inputs[input] = values.ToArray();

    /// <inheritdoc/>
    public void Evaluate(int step, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon,
        ReferenceOperationObserver? observer = null, CancellationToken cancellation = default)
    {
        int elements = Elements(_latent), outputs = Elements(_epsilon), images = x.Length / elements;
        if (x.Length != images * elements || epsilon.Length != images * outputs)
            throw new ArgumentException($"States of {elements} numbers an image are expected, and {outputs} numbers of ε for each; there are {x.Length} and {epsilon.Length}.", nameof(x));
        if (_network.Embedding.Classes > 0 && labels.Length != images)
            throw new ArgumentException($"{labels.Length} labels for {images} images; one for each is expected.", nameof(labels));
        using var noGradient = no_grad();
        for (int first = 0; first < images; first += _capacity)
        {
            int count = Math.Min(_capacity, images - first);
            Evaluate(step, first, count, images, x.Slice(first * elements, count * elements), labels.Length > 0 ? labels.Slice(first, count) : [], epsilon.Slice(first * outputs, count * outputs), observer, cancellation);
        }
    }

    public void Dispose() => _parameters.Dispose();

    private void Evaluate(int step, int first, int images, int given, ReadOnlySpan<float> x, ReadOnlySpan<int> labels, Span<float> epsilon,
        ReferenceOperationObserver? observer, CancellationToken cancellation)
    {
        using DisposeScope all = NewDisposeScope();
        var steps = new int[images];
        Array.Fill(steps, step);
        Tensor? vectors = _parameters.Vectors(steps, labels);
        var maps = new LiveMaps(first, images) { [_network.Latent] = ChannelsLast.ToTensor(x, _latent.Height, _latent.Width, _latent.Channels, _parameters.Device) };
        foreach (string input in _network.Inputs)
        {
            Map map = _network.Maps.Single(m => m.Name == input);
            int elements = Elements(map);
            if (!_inputs.TryGetValue(input, out float[]? values) || values.Length != (long)given * elements)
                throw new InvalidOperationException($"The input '{input}' needs {(long)given * elements} numbers for {given} images; {values?.Length ?? 0} were given.");
            maps[input] = ChannelsLast.ToTensor(values.AsSpan(first * elements, images * elements), map.Height, map.Width, map.Channels, _parameters.Device);
        }

        for (int i = 0; i < _network.Operations.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Operation operation = _network.Operations[i];
            using (NewDisposeScope())
            {
                _operations.Run(operation, maps, vectors);
                foreach (string output in operation.Outputs()) maps[output].MoveToOuterDisposeScope();
            }

            observer?.Invoke(operation, maps);
            foreach (string map in _lastUses[i])
            {
                maps[map].Dispose();
                maps.Remove(map);
            }
        }

        maps.Read(_network.Epsilon, epsilon);
    }

    private static int Elements(Map map) => map.Height * map.Width * map.Channels;

    private static string[][] LastUses(Network network)
    {
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < network.Operations.Count; i++)
        {
            foreach (string map in network.Operations[i].Inputs().Concat(network.Operations[i].Outputs())) last[map] = i;
        }

        last.Remove(network.Epsilon);
        return [.. network.Operations.Select((_, i) => last.Where(l => l.Value == i).Select(l => l.Key).ToArray())];
    }

    private sealed class LiveMaps(int first, int images) : Dictionary<string, Tensor>(StringComparer.Ordinal), IReferenceMaps
    {
        public int First => first;

        public int Images => images;

        public void Read(string map, Span<float> destination) => this[map].CopyTo(destination);
    }
}
