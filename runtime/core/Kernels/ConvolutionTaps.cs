namespace Specializer.Kernels;

/// <summary>For a block of output pixels, where each tap's input pixel lies. The table replaces an im2col copy of the map:
/// padding points to one shared pixel that stands for zero, upsampling points twice to the same pixel.</summary>
internal static unsafe class ConvolutionTaps
{
    /// <summary>taps[tap·stride + i] = input pixel of output pixel first + i. Output pixels count through all images of the batch;
    /// entries from <paramref name="count"/> to <paramref name="stride"/> repeat the last pixel, so that a tile is always full.
    /// The geometry may count pixels and taps otherwise than the operands' own, over the same input map.</summary>
    public static void Fill(in ConvolutionOperands operands, in ConvolutionGeometry g, int first, int count, int stride, byte** taps)
    {
        byte* map = operands.Input, padding = operands.Padding;
        long imageStride = operands.InputStride;
        int pixelBytes = operands.InputPixelBytes;
        int shift = g.Upsample - 1, height = g.InputHeight << shift, width = g.InputWidth << shift, size = g.KernelSize;
        int image = first / g.OutputPixels, y = first % g.OutputPixels / g.OutputWidth, x = first % g.OutputWidth;
        for (int i = 0; i < count; i++)
        {
            byte* start = map + image * imageStride;
            int top = y * g.Stride - g.PaddingTop, left = x * g.Stride - g.PaddingLeft;
            byte** tap = taps + i;
            for (int row = top; row < top + size; row++)
            {
                bool inside = (uint)row < (uint)height;
                byte* line = start + (long)(row >> shift) * g.InputWidth * pixelBytes;
                for (int column = left; column < left + size; column++, tap += stride)
                    *tap = inside && (uint)column < (uint)width ? line + (column >> shift) * pixelBytes : padding;
            }

            if (++x < g.OutputWidth) continue;
            x = 0;
            if (++y < g.OutputHeight) continue;
            y = 0;
            image++;
        }

        for (int tap = 0; tap < g.Taps; tap++)
            for (int i = count; i < stride; i++)
                taps[tap * stride + i] = taps[tap * stride + count - 1];
    }
}
