using Microsoft.Extensions.AI;
using Specializer.Formats;

namespace Specializer.Extensions.AI;

/// <summary>A drawn image as content of a response.</summary>
internal static class Picture
{
    public const string MediaType = "image/png";

    /// <summary>One image of a batch as PNG, with what draws it again.</summary>
    public static DataContent Of(ImageBatch images, int index, float guidance)
    {
        ImageId id = images.Ids[index];
        var properties = new AdditionalPropertiesDictionary { [ImageProperty.Seed] = id.Seed, [ImageProperty.FirstImage] = id.Index, [ImageProperty.Guidance] = guidance };
        if (id.Label >= 0) properties[ImageProperty.Label] = id.Label;
        return new(Encode(images, index), MediaType) { AdditionalProperties = properties };
    }

    /// <summary>One image of a batch as the bytes of a PNG file.</summary>
    public static byte[] Encode(ImageBatch images, int index)
    {
        ReadOnlySpan<float> source = images[index];
        var pixels = new byte[source.Length];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = ImageGrid.ToByte(source[i]);
        return PngWriter.Encode(pixels, images.Height, images.Width, images.Channels);
    }
}
