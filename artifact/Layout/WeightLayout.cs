namespace Specializer.Manifest;

/// <summary>Where each operation's section starts in the packed weights (docs/weights.md). The packer writes what this says and the
/// generator prints it.</summary>
internal sealed class WeightLayout
{
    public const string Magic = "SPZWGT01";
    public const int Version = 1;
    public const int HeaderBytes = 128;

    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);

    public WeightLayout(Network network, int steps)
    {
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        long position = HeaderBytes;
        Embedding = position;
        position += EmbeddingBytes(network.Embedding, steps);
        foreach (Operation operation in network.Operations)
        {
            long bytes = operation.PackedBytes(maps);
            if (bytes == 0) continue;
            _offsets.Add(operation.Name, position);
            position += bytes;
        }

        foreach (TextTensor text in network.Texts)
        {
            _offsets.Add(text.Name, position);
            position += Align(text.Bytes);
        }

        TotalBytes = position;
    }

    /// <summary>Section of the embedding.</summary>
    public long Embedding { get; }

    /// <summary>Length of the blob.</summary>
    public long TotalBytes { get; }

    /// <summary>Section of the operation, or text, with this name.</summary>
    public long this[string name] => _offsets[name];

    public static long Align(long bytes) => (bytes + 63) / 64 * 64;

    /// <summary>Bytes of the panels alone: the first part of a convolution's section.</summary>
    public static long PanelBytes(int inputs, int outputs, int kernelSize, int bits)
    {
        long panels = (outputs + 15L) / 16;
        long taps = (long)kernelSize * kernelSize;
        return bits >= 16 ? panels * taps * inputs * 2 * bits : panels * taps * ((inputs + 3) / 4) * (bits == 4 ? 32 : 64);
    }

    private static long EmbeddingBytes(Embedding embedding, int steps)
    {
        if (embedding.Vectors == 0) return 0;
        int rows = embedding.RowsFor(steps);
        if (embedding.Width == 0) return Align(4L * rows * embedding.Vectors);
        long padded = (embedding.Vectors + 15L) / 16 * 16;
        return Align(4L * rows * embedding.Width) + Align(4L * embedding.Classes * embedding.Width)
            + padded * embedding.Width * 4 + Align(4 * padded);
    }
}
