namespace Specializer;

/// <summary>Drawn images: FP32, NHWC, one after the other.</summary>
/// <param name="pixels">Count·Height·Width·Channels numbers.</param>
/// <param name="height">Rows.</param>
/// <param name="width">Columns.</param>
/// <param name="channels">Channels.</param>
/// <param name="ids">What reproduces each image.</param>
public sealed class ImageBatch(float[] pixels, int height, int width, int channels, ImageId[] ids)
{
    /// <summary>All pixels, NHWC. The model's own range is [−1, 1]; values are not clipped.</summary>
    public ReadOnlyMemory<float> Pixels => pixels;
    /// <summary>Rows of an image.</summary>
    public int Height => height;
    /// <summary>Columns of an image.</summary>
    public int Width => width;
    /// <summary>Channels of an image.</summary>
    public int Channels => channels;
    /// <summary>Number of images.</summary>
    public int Count => ids.Length;
    /// <summary>Per image the seed, index and label that draw it again, alone or in any batch, with the same bits.</summary>
    public IReadOnlyList<ImageId> Ids => ids;

    /// <summary>The pixels of one image, NHWC.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such image.</exception>
    public ReadOnlySpan<float> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int size = height * width * channels;
            return pixels.AsSpan(index * size, size);
        }
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
