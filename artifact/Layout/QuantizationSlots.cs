namespace Specializer.Manifest;

/// <summary>What the entries of a step's scales, zero points and levels belong to: the quantized maps in the network's order, then query, key and value of
/// each attention whose products are quantized, in the order of execution.</summary>
internal sealed class QuantizationSlots
{
    /// <summary>Slots of an attention.</summary>
    public const int PerAttention = 3;

    private readonly Dictionary<string, int> _maps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _attentions = new(StringComparer.Ordinal);

    public QuantizationSlots(Network network)
    {
        foreach (Map map in network.Maps)
            if (map.IsQuantized) _maps.Add(map.Name, Count++);
        foreach (AttentionOperation attention in network.Operations.OfType<AttentionOperation>())
        {
            if (attention.ProductBits == 32) continue;
            _attentions.Add(attention.Name, Count);
            Count += PerAttention;
        }
    }

    /// <summary>Number of slots.</summary>
    public int Count { get; }

    /// <summary>Slot of a quantized map.</summary>
    public int this[string map] => _maps[map];

    /// <summary>Slot of an attention's query, which those of key and value follow; −1 when its products are FP32.</summary>
    public int Query(AttentionOperation attention) => _attentions.TryGetValue(attention.Name, out int slot) ? slot : -1;
}
