using Specializer.Manifest;
using Specializer.Packing;

namespace Specializer.Calibration;

/// <summary>One operation of a network, in execution order.</summary>
/// <param name="Name">Module path in the source model.</param>
/// <param name="Operation">What it does, by its name in a manifest: <c>convolution</c>, <c>groupNorm</c>…; or <c>embedding</c>.</param>
/// <param name="Output">Extents of what it writes: height, width, channels; for the embedding the number of vectors' elements alone.</param>
/// <param name="Parameters">Weights, biases and factors; scales of quantized weights are none.</param>
/// <param name="WeightBits">4, 8, 16 or 32; 0 where there are no weights.</param>
/// <param name="WeightBytes">Bytes of its tensors as the files store them once imported or calibrated.</param>
/// <param name="MultiplyAccumulates">Of one evaluation for one image, of a decoder for all its tiles; norms and non-linearities are not counted.</param>
public sealed record LayerInspection(
    string Name, string Operation, IReadOnlyList<int> Output, long Parameters, int WeightBits, long WeightBytes, long MultiplyAccumulates)
{
    internal const string Call = "call", Step = "step", End = "end";

    /// <summary>When it runs: <c>call</c>, once a call, for it depends on prompts or labels alone; <c>step</c>; or <c>end</c>, when the steps are done.</summary>
    public string BindingTime { get; init; } = Step;

    /// <param name="network">The network.</param>
    /// <param name="steps">Rows of the embedding's table; 0 for a network that is bound to no timesteps yet.</param>
    internal static IReadOnlyList<LayerInspection> Of(Network network, int steps)
    {
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        // A tensor is named after its operation, and then says which of its tensors it is.
        ILookup<string, WeightTensor> tensors = WeightTensors.Of(network, steps).Values.ToLookup(t => t.Name[..t.Name.LastIndexOf('.')], StringComparer.Ordinal);
        Embedding embedding = network.Embedding;
        LinkedNetwork linked = LinkedNetwork.Of(network);
        HashSet<string> call = [.. linked.Network.Operations.Take(linked.CallOperations).Select(o => o.Name)];
        IEnumerable<LayerInspection> layers = network.Operations.Select(o => Layer(o, [.. tensors[o.Name]], maps) with { BindingTime = call.Contains(o.Name) ? Call : Step });
        return embedding.Vectors == 0 ? [.. layers]
            : [new("embedding", "embedding", [embedding.Vectors], CountOf(tensors["embedding"], 32), 32, Bytes(tensors["embedding"]), (long)embedding.Width * embedding.Vectors), .. layers];
    }

    private static LayerInspection Layer(Operation operation, WeightTensor[] tensors, Dictionary<string, Map> maps)
    {
        int bits = tensors.Length == 0 ? 0 : operation switch { ConvolutionOperation c => c.WeightBits, LookupOperation l => l.TableBits, _ => 32 };
        Map[] outputs = [.. operation.Outputs().Select(o => maps[o])];
        return new(operation.Name, operation.Kind, [outputs[0].Height, outputs[0].Width, outputs.Sum(o => o.Channels)], CountOf(tensors, bits), bits, Bytes(tensors),
            operation.Cost(maps).MultiplyAccumulates);
    }

    private static long CountOf(IEnumerable<WeightTensor> tensors, int bits) => tensors.Where(t => !t.Name.EndsWith(".scale", StringComparison.Ordinal))
        .Sum(t => bits == 4 && t.Type == "U8" ? 2 * t.Bytes : t.Elements);

    private static long Bytes(IEnumerable<WeightTensor> tensors) => tensors.Sum(t => t.Bytes);
}
