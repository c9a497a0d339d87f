using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Attention over one key is its value, whatever the query: softmax over one score is 1. What the projection behind it makes of that value is one vector, added to every pixel;
/// queries, keys and the norm before them are not needed. Latent Diffusion's class conditioning is of this kind: its condition is one token.</summary>
internal static class SingleKeyAttention
{
    /// <summary>Rewrites each attention over one key that lies between a projection of keys and values and a projection of its result. What this leaves unused is still there.</summary>
    public static RewrittenNetwork Apply(RewrittenNetwork source)
    {
        Network network = source.Network;
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        IReadOnlyDictionary<string, float[]> before = source.Tensors;
        DeferredTensors tensors = DeferredTensors.Of(before);
        var replaced = new Dictionary<Operation, Operation[]>(ReferenceEqualityComparer.Instance);
        var added = new List<Map>();
        foreach (CrossAttentionOperation attention in network.Operations.OfType<CrossAttentionOperation>().Where(a => maps[a.Context].Pixels == 1))
        {
            if (Projection(network.Operations.Where(o => o.Outputs().Contains(attention.Context))) is not { Residual: null } keyValue
                || Projection(network.Operations.Where(o => o.Inputs().Contains(attention.Output))) is not { Residual: { } residual } result
                || residual == attention.Output || network.Operations.Count(o => o.Inputs().Contains(attention.Context)) != 1) continue;

            int channels = maps[attention.Output].Channels, inputs = maps[keyValue.Input].Channels;
            string name = keyValue.Name.EndsWith("to_kv", StringComparison.Ordinal) ? keyValue.Name[..^2] + "v" : keyValue.Name + ".value";
            Map value = maps[attention.Context] with { Name = name, Channels = channels }, vector = value with { Name = result.Name + ".vector", Channels = maps[result.Output].Channels };
            added.AddRange([value, vector]);
            tensors.Add(name + ".weight", () => before[keyValue.Name + ".weight"][(channels * inputs)..], DeferredTensors.IsHalf(before, keyValue.Name + ".weight"));
            tensors.Add(name + ".bias", () => before[keyValue.Name + ".bias"][channels..]);
            // The keys' half stays where it was, unread, to be dropped and listed by its name.
            replaced.Add(keyValue, [keyValue, keyValue with { Name = name, Output = name }]);
            replaced.Add(result, [result with { Input = name, Output = vector.Name, Residual = null }, new ModulationOperation(result.Name + ".modulation", residual, vector.Name, result.Output)]);
        }

        if (replaced.Count == 0) return source;
        network = network with
        {
            Maps = network.Maps.Concat(added).ToEquatableArray(),
            Operations = network.Operations.SelectMany(o => replaced.TryGetValue(o, out Operation[]? by) ? by : [o]).ToEquatableArray(),
        };
        return source with { Network = network, Tensors = tensors };
    }

    /// <summary>The one operation, if it is a linear layer over pixels and nothing more.</summary>
    private static ConvolutionOperation? Projection(IEnumerable<Operation> operations) =>
        operations.ToArray() is [ConvolutionOperation { KernelSize: 1, Stride: 1, Upsample: 1, Vector: < 0, OutputScale.Value: 1 } c] ? c : null;
}
