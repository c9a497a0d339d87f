namespace Specializer.Extensions.AI;

/// <summary>Names in <c>AdditionalProperties</c>: of a request's options, and of each image that comes back. Giving an image's back as options draws it again, bit for bit.</summary>
public static class ImageProperty
{
    /// <summary>Seed of the noise, a whole number from 0 on. Requests without one get a seed of the generator's choice, and may share it.</summary>
    public const string Seed = "seed";
    /// <summary>Index of the first image, or of the image, among those of the seed. 0 when absent; needs a seed.</summary>
    public const string FirstImage = "first_image";
    /// <summary>Classifier-free guidance scale, within the calibrated interval; the compiled-in one when absent.</summary>
    public const string Guidance = "guidance";
    /// <summary>An <see cref="IProgress{T}"/> of <see cref="ImagePreview"/>, whom the images are shown on their way, in order and on the thread that draws; as often as <c>StreamingCount</c> says, after each step when that is absent.</summary>
    public const string Previews = "previews";
    /// <summary>Of an image only: its label; absent for models without labels.</summary>
    public const string Label = "label";
}
