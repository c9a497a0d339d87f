namespace Specializer.Formats;

/// <summary>Many images in one PNG file, in rows and columns.</summary>
public static class ImageGrid
{
    /// <summary>Pixels between neighbours.</summary>
    private const int Gap = 2;
    /// <summary>Pixels between the last batch's row and the first one's next: what is compared stands together.</summary>
    private const int GroupGap = 8;
    private const byte GapColor = 127;

    /// <summary>Writes a batch row by row.</summary>
    /// <param name="path">Target; replaced if it exists.</param>
    /// <param name="images">Images of 1 or 3 channels in [−1, 1].</param>
    /// <param name="columns">Images in a row, at least 1.</param>
    /// <exception cref="ArgumentException">No images, or another number of channels.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ImageBatch images, int columns) => WriteRows(path, columns, images);

    /// <summary>Writes a batch row by row to a stream, which stays open.</summary>
    /// <param name="stream">Target.</param>
    /// <param name="images">Images of 1 or 3 channels in [−1, 1].</param>
    /// <param name="columns">Images in a row, at least 1.</param>
    /// <exception cref="ArgumentException">No images, or another number of channels.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(Stream stream, ImageBatch images, int columns) => WriteRows(stream, columns, images);

    /// <summary>Writes several batches for comparison: a row of the first, below it the same row of the second, and so on.</summary>
    /// <param name="path">Target; replaced if it exists.</param>
    /// <param name="columns">Images in a row, at least 1.</param>
    /// <param name="batches">Batches of equal count and shape, 1 or 3 channels, in [−1, 1].</param>
    /// <exception cref="ArgumentException">No images, shapes or counts that differ, or another number of channels.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteRows(string path, int columns, params ReadOnlySpan<ImageBatch> batches)
    {
        var (pixels, height, width, channels) = Compose(columns, batches);
        PngWriter.Write(path, pixels, height, width, channels);
    }

    /// <summary>Writes several batches for comparison to a stream, which stays open.</summary>
    /// <param name="stream">Target.</param>
    /// <param name="columns">Images in a row, at least 1.</param>
    /// <param name="batches">Batches of equal count and shape, 1 or 3 channels, in [−1, 1].</param>
    /// <exception cref="ArgumentException">No images, shapes or counts that differ, or another number of channels.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void WriteRows(Stream stream, int columns, params ReadOnlySpan<ImageBatch> batches)
    {
        var (pixels, height, width, channels) = Compose(columns, batches);
        PngWriter.Write(stream, pixels, height, width, channels);
    }

    /// <summary>The byte of a model's number: round((x/2 + ½)·255), ties to even, clamped; 0 for NaN.</summary>
    /// <param name="x">−1 for black to 1 for full intensity.</param>
    public static byte ToByte(float x) => (byte)Math.Clamp(MathF.Round((x / 2 + 0.5f) * 255), 0, 255);

    internal static (byte[] Pixels, int Height, int Width, int Channels) Compose(int columns, ReadOnlySpan<ImageBatch> batches)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (batches.IsEmpty || batches[0].Count == 0)
            throw new ArgumentException("There are no images to write.", nameof(batches));
        var first = batches[0];
        foreach (var batch in batches)
        {
            if ((batch.Count, batch.Height, batch.Width, batch.Channels) != (first.Count, first.Height, first.Width, first.Channels))
                throw new ArgumentException("The batches differ in count or shape.", nameof(batches));
        }

        columns = Math.Min(columns, first.Count);
        var groups = (first.Count + columns - 1) / columns;
        var (cellHeight, cellWidth, channels) = (first.Height + Gap, first.Width + Gap, first.Channels);
        var groupHeight = checked(batches.Length * cellHeight + (batches.Length > 1 ? GroupGap - Gap : 0));
        var (height, width) = (checked((groups - 1) * groupHeight + batches.Length * cellHeight - Gap), checked(columns * cellWidth - Gap));
        var pixels = new byte[checked(height * width * channels)];
        Array.Fill(pixels, GapColor);

        for (var b = 0; b < batches.Length; b++)
        {
            for (var i = 0; i < first.Count; i++)
            {
                var image = batches[b][i];
                var (top, left) = (i / columns * groupHeight + b * cellHeight, i % columns * cellWidth);
                for (var y = 0; y < first.Height; y++)
                {
                    var source = image.Slice(y * first.Width * channels, first.Width * channels);
                    var target = pixels.AsSpan(((top + y) * width + left) * channels, source.Length);
                    for (var k = 0; k < source.Length; k++)
                        target[k] = ToByte(source[k]);
                }
            }
        }
        return (pixels, height, width, channels);
    }
}
