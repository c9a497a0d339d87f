namespace Specializer;

/// <summary>Pictures that a request begins with.</summary>
internal sealed class RequestPictures
{
    private readonly ImageBatch _images;

    private RequestPictures(ImageBatch images, int start, float[]? mask) => (_images, Start, Mask) = (images, start, mask);

    /// <summary>The first evaluation; those before it are left out.</summary>
    public int Start { get; }

    /// <summary>As large as a state: 1 where it is drawn anew, else 0; null where all of it is.</summary>
    public float[]? Mask { get; }

    /// <summary>Whether nothing but noise enters in the beginning: all of what the mask shows is drawn anew.</summary>
    public bool BeginsWithNoise { get; private init; }

    /// <summary>An image's picture.</summary>
    public ReadOnlySpan<float> this[int image] => _images[_images.Count == 1 ? 0 : image];

    /// <summary>What options give; null for none.</summary>
    /// <exception cref="ArgumentException">It does not fit the model or the other options.</exception>
    public static RequestPictures? Of(SampleOptions options, SamplerDescription d)
    {
        if (options.Image is not { } image)
        {
            return options.Mask is { Count: > 0 }
                ? throw new ArgumentException($"A {nameof(SampleOptions.Mask)} needs the picture that it keeps the rest of: give an {nameof(SampleOptions.Image)}.") : null;
        }

        if (d.Pictures is not { } pictures)
            throw new ArgumentException($"{d.Name} begins with noise and takes no {nameof(SampleOptions.Image)}. Calibrate it with --image-to-image.");
        if ((image.Height, image.Width, image.Channels) != (d.Height, d.Width, d.Channels))
            throw new ArgumentException($"The picture is {image.Height} × {image.Width} × {image.Channels}; {d.Name} draws {d.Height} × {d.Width} × {d.Channels}. Resize it.");
        if (image.Count != 1 && image.Count != options.Count)
            throw new ArgumentException($"{image.Count} pictures for {options.Count} images; give one for all or one for each.");
        if (!(options.Strength is > 0 and <= 1))
            throw new ArgumentException(FormattableString.Invariant($"{nameof(SampleOptions.Strength)} is {options.Strength}; it lies above 0 and is at most 1."));
        if (image.Pixels.Span.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            throw new ArgumentException("The picture holds NaN or infinity; pixels lie in [−1, 1].");
        float[]? mask = options.Mask.Count == 0 ? null : MaskOfState(options.Mask, d);
        return new(image, pictures.Start(options.Strength), mask) { BeginsWithNoise = mask is not null && options.Strength == 1 };
    }

    /// <summary>Of an element of the state the mask's pixel at its corner, as the source library has it.</summary>
    private static float[] MaskOfState(IReadOnlyList<bool> mask, SamplerDescription d)
    {
        if (mask.Count != d.Height * d.Width)
            throw new ArgumentException($"The mask has {mask.Count} elements; a picture of {d.Height} × {d.Width} pixels has {d.Height * d.Width}.");
        (int height, int width, int channels) = d.State is { } s ? (s.Height, s.Width, s.Channels) : (d.Height, d.Width, d.Channels);
        var result = new float[height * width * channels];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                if (mask[y * d.Height / height * d.Width + x * d.Width / width]) result.AsSpan((y * width + x) * channels, channels).Fill(1);
        return result;
    }
}
