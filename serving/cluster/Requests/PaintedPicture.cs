using Microsoft.Extensions.AI;
using Specializer.Extensions.AI;

namespace Specializer.Cluster;

/// <summary>A picture, and what draws it again.</summary>
/// <param name="Png">Its file.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="Index">Its index among those of the seed.</param>
/// <param name="Guidance">Guidance scale.</param>
/// <param name="Label">Its label; null for a model without.</param>
[GenerateSerializer]
internal sealed record PaintedPicture([property: Id(0)] byte[] Png, [property: Id(1)] ulong Seed, [property: Id(2)] long Index, [property: Id(3)] float Guidance, [property: Id(4)] int? Label)
{
    /// <summary>A picture of the silo's generator.</summary>
    public static PaintedPicture Of(AIContent content)
    {
        var data = (DataContent)content;
        AdditionalPropertiesDictionary of = data.AdditionalProperties!;
        return new(data.Data.ToArray(), (ulong)of[ImageProperty.Seed]!, (long)of[ImageProperty.FirstImage]!, (float)of[ImageProperty.Guidance]!, (int?)of.GetValueOrDefault(ImageProperty.Label));
    }

    /// <summary>What the client gets.</summary>
    public DataContent Content()
    {
        var properties = new AdditionalPropertiesDictionary { [ImageProperty.Seed] = Seed, [ImageProperty.FirstImage] = Index, [ImageProperty.Guidance] = Guidance };
        if (Label is { } label) properties[ImageProperty.Label] = label;
        return new(Png, Picture.MediaType) { AdditionalProperties = properties };
    }
}
