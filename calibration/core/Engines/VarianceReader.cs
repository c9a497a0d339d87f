using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Reads what a network says of the variance beside its prediction, whatever engine evaluates it.</summary>
internal sealed class VarianceReader
{
    private readonly string? _map;
    private readonly int _elements;
    private readonly ReferenceOperationObserver? _other;

    /// <param name="network">The network.</param>
    /// <param name="images">That are evaluated.</param>
    /// <param name="elements">Of one image's state.</param>
    /// <param name="other">Told as well.</param>
    public VarianceReader(Network network, int images, int elements, ReferenceOperationObserver? other)
    {
        (_elements, _other) = (elements, other);
        if (network.Outputs.Count == 0) return;
        _map = network.Outputs[0];
        Values = new float[images * elements];
    }

    /// <summary>One number for each of the state; empty where the network says nothing.</summary>
    public float[] Values { get; } = [];

    /// <summary>What the engine tells.</summary>
    public ReferenceOperationObserver? Observer => _map is null ? _other : (operation, maps) =>
    {
        if (operation.Outputs().Contains(_map)) maps.Read(_map, Values.AsSpan(maps.First * _elements, maps.Images * _elements));
        _other?.Invoke(operation, maps);
    };
}
