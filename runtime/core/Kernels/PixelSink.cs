namespace Specializer.Kernels;

/// <summary>Where an operation puts pixels: into an FP32 map, or quantized into another, by way of a few that each worker holds in FP32.</summary>
internal unsafe struct PixelSink
{
    public byte* Y;
    public long Stride;
    public int Channels;
    /// <summary>Bytes of a quantized element; 0 for an FP32 result.</summary>
    public int ElementSize;
    public AffineQuantizer Quantizer;
    /// <summary>Most pixels that are taken together.</summary>
    public int Block;
    /// <summary>Per worker: a block until it is quantized.</summary>
    public float* Scratch;

    /// <summary>So many pixels that what one loop has written is in the first cache for the next.</summary>
    public static int BlockOf(int channels) => Math.Max(1, 1024 / channels);

    /// <summary>Where a worker writes a block in FP32.</summary>
    public readonly float* Take(int image, long pixel, int worker) =>
        ElementSize == 0 ? (float*)(Y + image * Stride) + pixel * Channels : Scratch + (long)worker * Block * Channels;

    /// <summary>The block is written.</summary>
    public readonly void Put(int image, long pixel, int count, int worker)
    {
        if (ElementSize != 0) Quantizer.Pixels(Scratch + (long)worker * Block * Channels, Y + image * Stride + pixel * ((Channels + 3) & ~3) * ElementSize, count, Channels, ElementSize);
    }
}
