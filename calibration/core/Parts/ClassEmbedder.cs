using Specializer.Manifest;

namespace Specializer.Calibration;

/// <summary>Makes conditions of labels: each is a row of a table, the one token that the network attends to, as in Latent Diffusion.</summary>
/// <param name="Network">From a label to its row.</param>
/// <param name="Rows">Labels, "none" among them.</param>
internal sealed record ClassEmbedder(ImportedNetwork Network, int Rows)
{
    /// <summary>Class of the component.</summary>
    public const string ClassName = "ClassEmbedder";

    private const string Table = "embedding.weight";

    /// <summary>Label that means "none" for guidance, as the configuration says; −1 where it names none.</summary>
    public int NullLabel { get; init; } = -1;

    /// <summary>Reads the component's folder.</summary>
    /// <param name="folder">Holds its configuration and weights.</param>
    /// <param name="notes">Receives what was taken where the usual file is not there.</param>
    /// <exception cref="ModelImportException">A file or tensor is missing or malformed.</exception>
    public static ClassEmbedder Open(string folder, List<string> notes)
    {
        ConfigurationReader json = ConfigurationReader.Open(Path.Combine(folder, "config.json"));
        return ModelWeights.Open(folder, null, notes).Import(weights =>
        {
            ClassEmbedder embedder = Import(json, weights.Tensors);
            weights.Check();
            return embedder with { Network = embedder.Network with { Sha256 = weights.Sha256 + json.Sha256, Ignored = [.. json.Ignored] } };
        });
    }

    /// <param name="json">The component's configuration.</param>
    /// <param name="source">Asked for the table; to be checked before it is read.</param>
    public static ClassEmbedder Import(ConfigurationReader json, SourceTensors source)
    {
        int rows = json.Integer("n_classes", 0, 1, ManifestLimits.Rows), channels = json.Integer("embed_dim", 0, 1, 1 << 16);
        int none = json.IntegerOrNull("null_label", 0, rows - 1) ?? -1;
        var network = new NetworkBuilder(source, embeddingWidth: 0);
        Map label = network.AddMap(LinkedNetwork.Label, 1, 1, 1);
        return new(new(network.Build(label, network.Lookup("embedding", label, Table, rows, channels)), network.Tensors), rows) { NullLabel = none };
    }

    /// <summary>Labels as conditions by number: what the network is given in place of each.</summary>
    /// <param name="none">The label that means "none"; −1 where there is none.</param>
    public PromptContexts Contexts(int none) => new([(UNetImporter.Context, Network.Output.Channels)], [.. Network.Tensors["embedding.table"].Chunk(Network.Output.Channels)], [.. Enumerable.Range(0, Rows)], none);
}
