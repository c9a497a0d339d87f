namespace Specializer;

/// <summary>Pictures that a request begins with.</summary>
internal sealed class RequestPictures
{
    private readonly ImageBatch _images;
    private readonly IReadOnlyList<bool> _drawn;

    private RequestPictures(ImageBatch images, int start, IReadOnlyList<bool> drawn, float[]? mask) => (_images, Start, _drawn, Mask) = (images, start, drawn, mask);

    /// <summary>The first evaluation; those before it are left out.</summary>
    public int Start { get; }

    /// <summary>As large as a state: 1 where it is drawn anew, else 0; null where all of it is, or where the network keeps the rest by itself.</summary>
    public float[]? Mask { get; }

    /// <summary>What a network reads that fills in the rest by itself: 1 where it is drawn anew, else 0, one channel as large as a state; null for other networks.</summary>
    public float[]? Filled { get; private init; }

    /// <summary>Whether nothing but noise enters in the beginning: all of what the mask shows is drawn anew.</summary>
    public bool BeginsWithNoise { get; private init; }

    /// <summary>An image's picture.</summary>
    public ReadOnlySpan<float> this[int image] => _images[_images.Count == 1 ? 0 : image];

    /// <summary>An image's picture, with zeros, which are gray, where it is drawn anew.</summary>
    public float[] Kept(int image)
    {
        float[] kept = this[image].ToArray();
        for (int i = 0; i < kept.Length; i++)
            if (_drawn.Count == 0 || _drawn[i / _images.Channels]) kept[i] = 0;
        return kept;
    }

    /// <summary>What options give; null for none.</summary>
    /// <exception cref="ArgumentException">It does not fit the model or the other options.</exception>
    public static RequestPictures? Of(SampleOptions options, SamplerDescription d)
    {
        // Numbers that are given by name are taken as they are.
        bool fills = d.MaskedImage is { } input && !options.Inputs.ContainsKey(input.Name);
        if (options.Image is not { } image)
        {
            if (options.Mask is { Count: > 0 }) throw new ArgumentException($"A {nameof(SampleOptions.Mask)} needs the picture that it keeps the rest of: give an {nameof(SampleOptions.Image)}.");
            // All of a picture is drawn anew: it does not matter which.
            return fills ? new(new(new float[d.ImageElements], d.Height, d.Width, d.Channels, [default]), 0, [], null) { BeginsWithNoise = true, Filled = MaskOfState([], d, 1) } : null;
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
        int start = pictures.Start(options.Strength), channels = d.StateElements / ((d.State?.Height ?? d.Height) * (d.State?.Width ?? d.Width));
        if (fills) return new(image, start, options.Mask, null) { BeginsWithNoise = options.Strength == 1, Filled = MaskOfState(options.Mask, d, 1) };
        float[]? mask = options.Mask.Count == 0 ? null : MaskOfState(options.Mask, d, channels);
        return new(image, start, options.Mask, mask) { BeginsWithNoise = mask is not null && options.Strength == 1 };
    }

    /// <summary>Of an element of the state the mask's pixel at its corner, as the source library has it.</summary>
    private static float[] MaskOfState(IReadOnlyList<bool> mask, SamplerDescription d, int channels)
    {
        if (mask.Count != 0 && mask.Count != d.Height * d.Width)
            throw new ArgumentException($"The mask has {mask.Count} elements; a picture of {d.Height} × {d.Width} pixels has {d.Height * d.Width}.");
        (int height, int width) = d.State is { } s ? (s.Height, s.Width) : (d.Height, d.Width);
        var result = new float[height * width * channels];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                if (mask.Count == 0 || mask[y * d.Height / height * d.Width + x * d.Width / width]) result.AsSpan((y * width + x) * channels, channels).Fill(1);
        return result;
    }
}
