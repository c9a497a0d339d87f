namespace Specializer;

/// <summary>Drawn images: FP32, NHWC, one after the other.</summary>
public sealed class ImageBatch
{
    private readonly float[] _pixels;
    private readonly ImageId[] _ids;

    /// <summary>Puts images together; the arrays are not copied.</summary>
    /// <param name="pixels">Count·Height·Width·Channels numbers.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="channels">Channels, at least 1.</param>
    /// <param name="ids">What reproduces each image.</param>
    /// <exception cref="ArgumentException">The sizes do not fit.</exception>
    public ImageBatch(float[] pixels, int height, int width, int channels, ImageId[] ids)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(ids);
        if (height < 1 || width < 1 || channels < 1 || pixels.Length != (Int128)ids.Length * height * width * channels)
            throw new ArgumentException($"{ids.Length} images of {height} × {width} × {channels} do not have {pixels.Length} numbers.", nameof(pixels));
        (_pixels, Height, Width, Channels, _ids) = (pixels, height, width, channels, ids);
    }

    /// <summary>Images of bytes, as pictures are stored: 0 becomes −1, 255 becomes 1.</summary>
    /// <param name="pixels">Row by row, a pixel's channels together, one image after the other.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="channels">Channels, at least 1.</param>
    /// <exception cref="ArgumentException">The bytes are no whole number of images.</exception>
    public static ImageBatch FromBytes(ReadOnlySpan<byte> pixels, int height, int width, int channels)
    {
        long elements = (long)height * width * channels;
        if (height < 1 || width < 1 || channels < 1 || pixels.Length % elements != 0)
            throw new ArgumentException($"{pixels.Length} bytes are no whole number of images of {height} × {width} × {channels}.", nameof(pixels));
        var values = new float[pixels.Length];
        for (int i = 0; i < values.Length; i++) values[i] = pixels[i] / 127.5f - 1;
        return new(values, height, width, channels, [.. Enumerable.Repeat(new ImageId(0, 0, -1), (int)(pixels.Length / elements))]);
    }

    /// <summary>All pixels, NHWC. The model's own range is [−1, 1]; values are not clipped.</summary>
    public ReadOnlyMemory<float> Pixels => _pixels;
    /// <summary>Rows of an image.</summary>
    public int Height { get; }
    /// <summary>Columns of an image.</summary>
    public int Width { get; }
    /// <summary>Channels of an image.</summary>
    public int Channels { get; }
    /// <summary>Number of images.</summary>
    public int Count => _ids.Length;
    /// <summary>Per image the seed, index and label that draw it again, alone or in any batch, with the same bits.</summary>
    public IReadOnlyList<ImageId> Ids => _ids;

    /// <summary>The pixels of one image, NHWC.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such image.</exception>
    public ReadOnlySpan<float> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int size = Height * Width * Channels;
            return _pixels.AsSpan(index * size, size);
        }
    }

    /// <summary>The same images, each pixel repeated so often, in both directions, that the longer side comes as near to a size as it can without exceeding it: small pictures to look at.</summary>
    /// <param name="side">Pixels of the longer side, at least 1. Images that are no smaller than half of it stay as they are.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="side"/> is not positive.</exception>
    public ImageBatch EnlargeTo(int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        int factor = side / Math.Max(Height, Width);
        if (factor < 2) return this;
        var (height, width) = (Height * factor, Width * factor);
        var pixels = new float[checked(Count * height * width * Channels)];
        Span<float> target = pixels;
        // Rows of all images are alike.
        for (int row = 0; row < Count * Height; row++)
        {
            Span<float> enlarged = target[..(width * Channels)];
            for (int x = 0; x < width; x++) _pixels.AsSpan((row * Width + x / factor) * Channels, Channels).CopyTo(enlarged[(x * Channels)..]);
            for (int copy = 1; copy < factor; copy++) enlarged.CopyTo(target[(copy * enlarged.Length)..]);
            target = target[(factor * enlarged.Length)..];
        }

        return new(pixels, height, width, Channels, _ids);
    }
}

/// <summary>What reproduces one image.</summary>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Index">Index of the image in the run.</param>
/// <param name="Label">Its label; −1 for an unconditional model.</param>
public readonly record struct ImageId(ulong Seed, long Index, int Label);

/// <summary>Where a run stands.</summary>
/// <param name="Step">Steps done for the current batch.</param>
/// <param name="Steps">Steps a batch takes.</param>
/// <param name="ImagesDone">Images finished.</param>
/// <param name="Images">Images asked for.</param>
public readonly record struct SampleProgress(int Step, int Steps, int ImagesDone, int Images);

/// <summary>A look at images on their way.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all; when equal to <paramref name="Step"/>, the images are finished.</param>
/// <param name="Images">The state after that step.</param>
public sealed record SamplePreview(int Step, int Steps, ImageBatch Images);
