namespace Specializer.Manifest;

/// <summary>What the entries of a step's scales, zero points and levels belong to: the quantized maps in the network's order, then the <see cref="Operation.Slots"/>
/// that operations have of their own, in the order of execution: query, key and value of each attention whose products are quantized. Of several networks those of the
/// first come first.</summary>
internal sealed class QuantizationSlots
{
    private readonly Dictionary<string, int> _maps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _operations = new(StringComparer.Ordinal);

    public QuantizationSlots(params Network[] networks)
    {
        foreach (Network network in networks)
        {
            foreach (Map map in network.Maps)
                if (map.IsQuantized) _maps.Add(map.Name, Count++);
            foreach (Operation operation in network.Operations)
            {
                if (operation.Slots == 0) continue;
                _operations.Add(operation.Name, Count);
                Count += operation.Slots;
            }
        }
    }

    /// <summary>Number of slots.</summary>
    public int Count { get; }

    /// <summary>Slot of a quantized map.</summary>
    public int this[string map] => _maps[map];

    /// <summary>Slot of a map; −1 for one in FP32.</summary>
    public int Find(string map) => _maps.TryGetValue(map, out int slot) ? slot : -1;

    /// <summary>First of the slots that an operation has of its own; −1 when it has none.</summary>
    public int First(Operation operation) => _operations.TryGetValue(operation.Name, out int slot) ? slot : -1;
}
