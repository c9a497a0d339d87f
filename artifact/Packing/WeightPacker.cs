using Specializer.Manifest;

namespace Specializer.Packing;

/// <summary>Packs the weights for the kernels (docs/weights.md), one section at a time.</summary>
internal static class WeightPacker
{
    /// <summary>Writes the packed blob.</summary>
    /// <param name="network">The network that the weights belong to.</param>
    /// <param name="steps">Denoising steps.</param>
    /// <param name="tensor">Gives the little-endian bytes of the tensor with this name and length, or throws.</param>
    /// <param name="key">Of network, steps and weights.</param>
    /// <param name="output">Written from its current position, forwards only.</param>
    /// <exception cref="WeightsException">An element is out of range; the message names tensor and index.</exception>
    public static void Pack(
        Network network, int steps, Func<string, long, byte[]> tensor, WeightKey key, Stream output)
    {
        var layout = new WeightLayout(network, steps);
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        var sections = new WeightSections(WeightTensors.Of(network, steps), tensor, output);
        sections.Header(layout.TotalBytes, key);
        sections.ExpectAt(layout.Embedding, "embedding");
        Embedding(network.Embedding, sections);
        foreach (Operation operation in network.Operations)
        {
            if (operation.PackedBytes(maps) == 0) continue;
            sections.ExpectAt(layout[operation.Name], operation.Name);
            operation.Pack(sections, maps);
        }

        foreach (TextTensor text in network.Texts)
        {
            sections.ExpectAt(layout[text.Name], text.Name);
            sections.Bytes(text.Name);
        }

        sections.ExpectAt(layout.TotalBytes, "end");
    }

    private static void Embedding(Embedding embedding, WeightSections sections)
    {
        if (embedding.Vectors == 0) return;
        if (embedding.Width == 0)
        {
            sections.Floats("embedding.vectors");
            return;
        }

        sections.Floats("embedding.time");
        sections.Floats("embedding.label");
        sections.FloatPanels("embedding.weight", embedding.Width, embedding.Vectors, 1, 32);
        sections.Floats("embedding.bias");
    }
}
