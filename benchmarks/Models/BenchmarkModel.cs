using System.Runtime.InteropServices;
using Specializer.Calibration;
using Specializer.Calibration.Conversion;
using Specializer.Manifest;

namespace Specializer.Benchmarks.Models;

/// <summary>An FP32 network with weights: what all configurations and other runtimes are made from.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Network">FP32.</param>
/// <param name="Tensors">All tensors, the embedding's included, with one row for each of <see cref="Timesteps"/>; those of a folder are read each time, for memory need not hold them all.</param>
internal sealed record BenchmarkModel(string Name, Network Network, IReadOnlyDictionary<string, float[]> Tensors)
{
    /// <summary>Spread over the noise levels. A step's time does not depend on them.</summary>
    public static readonly float[] Timesteps = [980, 740, 500, 260, 20];

    public static readonly string[] Names = ["mnist", "emoji", "ddpm-cifar10-32"];

    /// <exception cref="ArgumentException">No model has this name.</exception>
    public static BenchmarkModel Load(string name) => name switch
    {
        "mnist" => Of(DiffusersImporter.Load(RepositoryFolder.Find("sample-app/models/mnist"), name)),
        "emoji" => Of(DiffusersImporter.Load(RepositoryFolder.Find("sample-app/models/emoji"), name, tokens: 16)),
        "ddpm-cifar10-32" => Cifar10(),
        _ => throw new ArgumentException($"There is no model '{name}'; choose one of {string.Join(", ", Names)}."),
    };

    public Map Latent => Network.Maps.Single(m => m.Name == Network.Latent);

    public int LatentElements => Latent.Height * Latent.Width * Latent.Channels;

    public long MultiplyAccumulates => NetworkCost.MultiplyAccumulates(Network);

    /// <summary>The bytes of a tensor, as the packer asks for them.</summary>
    public byte[] Bytes(string name, long length)
    {
        byte[] bytes = MemoryMarshal.AsBytes(Tensors[name].AsSpan()).ToArray();
        return bytes.Length == length ? bytes : throw new InvalidOperationException($"Tensor '{name}' has {bytes.Length} bytes, not {length}.");
    }

    /// <summary>A model of any folder that is imported, such as <c>specializer synthesize</c> writes.</summary>
    /// <param name="folder">In diffusers' layout.</param>
    /// <param name="tokens">Tokens of its condition, if it has one.</param>
    public static BenchmarkModel FromFolder(DirectoryInfo folder, int tokens) => Of(DiffusersImporter.Load(folder.FullName, folder.Name, tokens: tokens));

    /// <summary>A decoder, encoder or text encoder.</summary>
    /// <param name="folder">The part's own, such as <c>vae</c>.</param>
    /// <param name="part">Which.</param>
    /// <param name="size">Rows and columns of what goes in, or tokens.</param>
    public static BenchmarkModel FromPart(DirectoryInfo folder, PipelinePart part, int size)
    {
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder.FullName, "config.json"));
        ImportedNetwork network = PartImporter.OpenWeights(folder.FullName, part == PipelinePart.TextEncoder, []).Import(weights => PartImporter.Import(json, weights, part, size, size));
        return new($"{folder.Name} {size}{(part == PipelinePart.TextEncoder ? " tokens" : "²")}", network.Network, network.Tensors);
    }

    /// <summary>Rows of the table that what goes in is looked up in; 0 for what is no token.</summary>
    public int Vocabulary => Network.Operations.OfType<LookupOperation>().FirstOrDefault(o => o.Input == Network.Latent)?.Rows ?? 0;

    /// <summary>Seeded states with the variance that noise has, or tokens.</summary>
    public float[] States(int images)
    {
        if (Vocabulary == 0) return Noise(images * LatentElements, seed: 20);
        var random = new Random(20);
        return [.. Enumerable.Range(0, images * LatentElements).Select(_ => (float)random.Next(Vocabulary))];
    }

    /// <summary>The network's further inputs by name: seeded, with the variance that a text encoder's outputs have.</summary>
    public IEnumerable<(Map Map, float[] Values)> Conditions(int images) =>
        Network.Inputs.Select(name => Network.Maps.Single(m => m.Name == name)).Select((map, i) => (map, Noise(images * map.Height * map.Width * map.Channels, seed: 21 + i)));

    private static float[] Noise(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    private static BenchmarkModel Of(ImportedModel model) => new(model.Name, model.Network, model.Tensors(Timesteps));

    /// <summary>The exact configuration of google/ddpm-cifar10-32 (35.7 M parameters) with seeded random weights.</summary>
    private static BenchmarkModel Cifar10()
    {
        UNetConfiguration configuration = UNetConfiguration.Read(PipelineRecipe.All.Single(r => r.Name == "cifar10-32").Components.Single().Reader);
        var (network, weights, time) = UNetImporter.Import(configuration, SyntheticWeights.Of("ddpm-cifar10-32.unet.txt", seed: 1));
        var tensors = new Dictionary<string, float[]>(weights, StringComparer.Ordinal);
        foreach (var (name, values) in time.Tensors(Timesteps)) tensors.Add(name, values);
        return new("ddpm-cifar10-32", network, tensors);
    }
}
