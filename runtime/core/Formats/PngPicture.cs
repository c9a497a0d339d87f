namespace Specializer.Formats;

/// <summary>A picture of 8 bits a channel.</summary>
/// <param name="Pixels">Height·Width·Channels bytes, row by row, channels innermost.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">1 (gray) or 3 (RGB).</param>
public sealed record PngPicture(ReadOnlyMemory<byte> Pixels, int Height, int Width, int Channels)
{
    /// <summary>The picture as samplers take it (<see cref="SampleOptions.Image"/>): 0 becomes −1, 255 becomes 1. Gray is repeated for RGB; of RGB gray is the luminance (ITU-R BT.601).</summary>
    /// <param name="channels">1 or 3.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another number of channels.</exception>
    public ImageBatch ToImage(int channels)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(channels is 1 or 3, true, nameof(channels));
        return ImageBatch.FromBytes(channels == Channels ? Pixels.Span : channels == 1 ? Gray() : Repeated(), Height, Width, channels);
    }

    /// <summary>The picture as a mask (<see cref="SampleOptions.Mask"/>): true where it is nearer to white than to black.</summary>
    public bool[] ToMask() => Array.ConvertAll(Channels == 1 ? Pixels.ToArray() : Gray(), level => level >= 128);

    private byte[] Gray()
    {
        ReadOnlySpan<byte> rgb = Pixels.Span;
        var gray = new byte[Height * Width];
        // Weights of 16 bits: white stays white.
        for (int i = 0; i < gray.Length; i++) gray[i] = (byte)((19595 * rgb[3 * i] + 38470 * rgb[3 * i + 1] + 7471 * rgb[3 * i + 2] + 32768) >> 16);
        return gray;
    }

    private byte[] Repeated()
    {
        ReadOnlySpan<byte> gray = Pixels.Span;
        var rgb = new byte[3 * gray.Length];
        for (int i = 0; i < rgb.Length; i++) rgb[i] = gray[i / 3];
        return rgb;
    }
}
