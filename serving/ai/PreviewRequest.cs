using Microsoft.Extensions.AI;

namespace Specializer.Extensions.AI;

/// <summary>Who wants to see a request's images on their way, and how often.</summary>
/// <param name="To">Whom they are shown.</param>
/// <param name="Count">How many of each image, spread over the steps.</param>
internal sealed record PreviewRequest(IProgress<ImagePreview> To, int Count)
{
    /// <summary>Reads it from a request's options; null where nobody wants any.</summary>
    /// <exception cref="ArgumentException">What is given takes no previews, or fewer than none are wanted.</exception>
    public static PreviewRequest? Read(ImageGenerationOptions? options)
    {
        if (options?.AdditionalProperties is not { } properties || !properties.TryGetValue(ImageProperty.Previews, out object? value) || value is null) return null;
        if (value is not IProgress<ImagePreview> to)
            throw new ArgumentException($"'{ImageProperty.Previews}' is a {value.GetType().Name}; it must be an IProgress<{nameof(ImagePreview)}>, whom the images are shown on their way.", nameof(options));
        int count = options.StreamingCount ?? int.MaxValue;
        return count >= 0 ? new(to, count) : throw new ArgumentException($"{count} previews were asked for; {nameof(options.StreamingCount)} is their number for each image.", nameof(options));
    }

    /// <summary>Whether a preview is shown after a step. The last step's is none: its image is finished.</summary>
    public bool Wants(int step, int steps) => step < steps && step * (Count + 1L) / steps > (step - 1) * (Count + 1L) / steps;
}
