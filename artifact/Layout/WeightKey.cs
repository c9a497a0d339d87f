using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Specializer.Manifest;

/// <summary>What a blob of packed weights holds, as one hash: the weights file, and the order and sizes in which it is packed. Manifests that differ in
/// anything else (bits, ranges, corrections, guidance) have equal keys and share one blob.</summary>
internal sealed class WeightKey
{
    /// <param name="network">Its operations, in this order, are the blob's sections.</param>
    /// <param name="steps">Denoising steps: rows of the embedding's tables, unless it says how many those have.</param>
    /// <param name="weightsSha256">Of the weights file, in hex.</param>
    public WeightKey(Network network, int steps, string weightsSha256)
    {
        var maps = network.Maps.ToDictionary(m => m.Name, StringComparer.Ordinal);
        var text = new StringBuilder();
        Line("layout", WeightLayout.Version);
        Line(weightsSha256);
        Line("embedding", network.Embedding.RowsFor(steps), network.Embedding.Width, network.Embedding.Classes, network.Embedding.Vectors);
        foreach (Operation operation in network.Operations)
        {
            if (operation.PackedBytes(maps) > 0) Line(operation.Name, operation.PackedShape(maps));
        }

        foreach (TextTensor file in network.Texts) Line(file.Name, file.Bytes);

        using var sha256 = SHA256.Create();
        Bytes = new(sha256.ComputeHash(Encoding.UTF8.GetBytes(text.ToString())));

        void Line(string name, params int[] numbers) =>
            text.Append(name).Append(' ').Append(string.Join(" ", numbers.Select(n => n.ToString(CultureInfo.InvariantCulture)))).Append('\n');
    }

    /// <summary>The 32 bytes that the blob's header carries and the generated type compares with.</summary>
    public EquatableArray<byte> Bytes { get; }

    /// <summary>Name of the resource, or of the file beside the program.</summary>
    public string ResourceName => "Specializer." + string.Concat(Bytes.Take(8).Select(b => b.ToString("x2", CultureInfo.InvariantCulture))) + ".weights";
}
