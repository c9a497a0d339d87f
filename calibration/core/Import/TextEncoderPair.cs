using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Two text encoders as one network, as Stable Diffusion XL reads them: both tokens' hidden states, each for itself, and the second one's summary of the text.</summary>
internal static class TextEncoderPair
{
    /// <summary>Name of the input that takes the second text encoder's tokens.</summary>
    public const string SecondIds = "ids_2";

    /// <summary>Name of the input that is 1 where there is no text, whose outputs are zeros (<c>force_zeros_for_empty_prompt</c>), and else 0.</summary>
    public const string None = "none";

    private const string First = "first", Second = "second";

    /// <param name="first">From <c>ids</c> to hidden states.</param>
    /// <param name="second">From its own ids to hidden states, and the summary as further output.</param>
    /// <param name="zeros">Whether no text becomes zeros instead of the empty text's states.</param>
    public static ImportedNetwork Of(ImportedNetwork first, ImportedNetwork second, bool zeros)
    {
        string ids = first.Network.Latent;
        Network a = Qualify(first.Network, First, map => map == ids ? ids : null), b = Qualify(second.Network, Second, map => map == second.Network.Latent ? SecondIds : null);
        DeferredTensors tensors = new();
        foreach (var (part, name) in ((ImportedNetwork, string)[])[(first, First), (second, Second)])
            foreach (string tensor in part.Tensors.Keys) tensors.Add($"{name}.{tensor}", () => part.Tensors[tensor], DeferredTensors.IsHalf(part.Tensors, tensor));

        List<Map> maps = [.. a.Maps, .. b.Maps];
        List<Operation> operations = [.. a.Operations, .. b.Operations];
        string[] inner = [a.Epsilon, b.Epsilon, .. b.Outputs], outer = [UNetImporter.Context, UNetImporter.SecondContext, UNetImporter.Summary];
        if (zeros) maps.Add(new(None, 1, 1, 1, MapType.Float32));
        Dictionary<string, string> renamed = new(StringComparer.Ordinal);
        for (int i = 0; i < inner.Length; i++)
        {
            if (zeros) Zero(inner[i], outer[i]);
            else renamed.Add(inner[i], outer[i]);
        }

        var network = new Network(ids, outer[0], maps.ToEquatableArray(), new(0, 0, 0), operations.ToEquatableArray())
        {
            Inputs = new(zeros ? [SecondIds, None] : [SecondIds]),
        };
        return new(network.Rename(name => name, map => renamed.GetValueOrDefault(map, map)) with { Outputs = new([.. outer.Skip(1)]) }, tensors)
        {
            Sha256 = first.Sha256 + second.Sha256, StoredType = ModelWeights.Coarsest([first.StoredType, second.StoredType]), Ignored = [.. first.Ignored, .. second.Ignored],
        };

        // x·(1 + s) with s = 0, or −1 where there is no text.
        void Zero(string from, string to)
        {
            Map map = maps.Find(m => m.Name == from)!;
            string factor = $"{to}.factor";
            maps.Add(new(factor, 1, 1, 2 * map.Channels, MapType.Float32));
            maps.Add(map with { Name = to });
            operations.Add(new LookupOperation(factor, None, factor, 2));
            operations.Add(new ModulationOperation(to, from, factor, to));
            tensors.Add($"{factor}.table", () => [.. new float[2 * map.Channels], .. Enumerable.Repeat(-1f, map.Channels), .. new float[map.Channels]]);
            tensors.Add($"{factor}.position", () => new float[2 * map.Channels]);
        }
    }

    /// <summary>A network's names as they are among both.</summary>
    private static Network Qualify(Network network, string part, Func<string, string?> input) =>
        network.Rename(name => $"{part}.{name}", map => input(map) ?? $"{part}.{map}");
}
