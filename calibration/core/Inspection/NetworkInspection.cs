using System.Globalization;
using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>One network of a pipeline.</summary>
/// <param name="Name">What its layers' names begin with; empty for the network that is sampled.</param>
/// <param name="Runs">When it runs.</param>
/// <param name="Parameters">Weights, biases and factors.</param>
/// <param name="Convolutions">Convolutions by the bits of their weights.</param>
/// <param name="WeightBytes">Bytes of its tensors as the files store them once imported or calibrated.</param>
/// <param name="MultiplyAccumulates">Of one evaluation for one image; of a decoder for all its tiles.</param>
public sealed record NetworkInspection(string Name, string Runs, long Parameters, IReadOnlyDictionary<int, int> Convolutions, long WeightBytes, long MultiplyAccumulates)
{
    /// <summary>Networks and their layers, in the order in which they run.</summary>
    /// <param name="encoders">With their names.</param>
    /// <param name="network">The network that is sampled; null where a part is looked at by itself.</param>
    /// <param name="decoder">With its name; null where the state is the picture.</param>
    /// <param name="steps">Rows of the embedding's table; 0 for a network that is bound to no timesteps yet.</param>
    /// <param name="tiles">In which the decoder makes a picture.</param>
    internal static (IReadOnlyList<NetworkInspection> Networks, IReadOnlyList<LayerInspection> Layers) Of(
        IEnumerable<(string Name, Network Network)> encoders, Network? network, (string Name, Network Network)? decoder, int steps, int tiles = 1)
    {
        (string Name, string Runs, LayerInspection[] Layers)[] all =
        [
            .. encoders.Select(e => Part(e.Name, "once a call", LayerInspection.Call, e.Network, 0)),
            .. network is null ? (ReadOnlySpan<(string, string, LayerInspection[])>)[] : [Part("", "at every step", null, network, steps)],
            .. decoder is { } last ? [Part(last.Name, tiles == 1 ? "at the end" : string.Create(CultureInfo.InvariantCulture, $"at the end, for each of {tiles} tiles"), LayerInspection.End, last.Network, 0, tiles)] : (ReadOnlySpan<(string, string, LayerInspection[])>)[],
        ];
        return (all is [{ Name: "" }] ? [] : [.. all.Select(part => Sum(part.Name, part.Runs, part.Layers))], [.. all.SelectMany(part => part.Layers)]);
    }

    // Of the sampled network each layer has a time of its own.
    private static (string, string, LayerInspection[]) Part(string name, string runs, string? time, Network network, int steps, int times = 1) => (name, runs, [.. LayerInspection.Of(network, steps).Select(l =>
        time is null ? l : l with { Name = $"{name}.{l.Name}", BindingTime = time, MultiplyAccumulates = times * l.MultiplyAccumulates })]);

    private static NetworkInspection Sum(string name, string runs, LayerInspection[] layers) => new(
        name, runs, layers.Sum(l => l.Parameters),
        layers.Where(l => l.Operation == ConvolutionOperation.JsonName).GroupBy(l => l.WeightBits).OrderBy(g => g.Key).ToDictionary(g => g.Key, g => g.Count()),
        layers.Sum(l => l.WeightBytes), layers.Sum(l => l.MultiplyAccumulates));
}
