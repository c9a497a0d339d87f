using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Quantization of a map. An item is a row of one image.</summary>
internal unsafe struct QuantizeWork : IWork
{
    public int Height, Width, Channels, ElementSize;
    public byte* X, Q;
    public long XStride, QStride;
    public AffineQuantizer Quantizer;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Height, row = item % Height;
            Quantizer.Pixels((float*)(X + image * XStride) + (long)row * Width * Channels,
                Q + image * QStride + (long)row * Width * ((Channels + 3) & ~3) * ElementSize, Width, Channels, ElementSize);
        }
    }
}
