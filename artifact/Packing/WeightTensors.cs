using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>A tensor that the weights file must hold: row-major, little-endian.</summary>
/// <param name="name">Name in the file.</param>
/// <param name="type">safetensors' name of the element type: <c>I8</c>, <c>U8</c>, <c>F16</c> or <c>F32</c>.</param>
/// <param name="shape">Extents, outermost first.</param>
internal sealed class WeightTensor(string name, string type, params long[] shape)
{
    public string Name => name;

    public string Type => type;

    public IReadOnlyList<long> Shape => shape;

    /// <summary>Product of the extents.</summary>
    public long Elements => shape.Aggregate(1L, (product, extent) => checked(product * extent));

    public long Bytes => checked(Elements * (type switch { "F32" => 4, "F16" => 2, _ => 1 }));
}

/// <summary>Which tensors the weights file of a network holds: these, and no others.</summary>
internal static class WeightTensors
{
    /// <exception cref="WeightsException">Two operations claim the same tensor.</exception>
    public static IReadOnlyDictionary<string, WeightTensor> Of(Network network, int steps)
    {
        var tensors = new Dictionary<string, WeightTensor>(StringComparer.Ordinal);
        foreach (WeightTensor tensor in Enumerate(network, steps))
        {
            if (tensors.ContainsKey(tensor.Name))
                throw new WeightsException($"Two operations of the network claim the tensor '{tensor.Name}'. Rename one of them.");
            tensors.Add(tensor.Name, tensor);
        }

        return tensors;
    }

    private static IEnumerable<WeightTensor> Enumerate(Network network, int steps)
    {
        Embedding embedding = network.Embedding;
        if (embedding.Vectors > 0 && embedding.Width == 0)
        {
            yield return new("embedding.vectors", "F32", embedding.RowsFor(steps), embedding.Vectors);
        }
        else if (embedding.Vectors > 0)
        {
            yield return new("embedding.time", "F32", embedding.RowsFor(steps), embedding.Width);
            yield return new("embedding.label", "F32", embedding.Classes, embedding.Width);
            yield return new("embedding.weight", "F32", embedding.Vectors, embedding.Width);
            yield return new("embedding.bias", "F32", embedding.Vectors);
        }

        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        foreach (Operation operation in network.Operations)
            foreach (WeightTensor tensor in operation.Tensors(maps)) yield return tensor;
        foreach (TextTensor text in network.Texts) yield return new(text.Name, "U8", text.Bytes);
    }
}
