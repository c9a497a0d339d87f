using System.Runtime.CompilerServices;
using Specializer.Numerics;

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
        int image = first / g.OutputPixels, y = first % g.OutputPixels / g.OutputWidth, x = first % g.OutputWidth;
        for (int i = 0; i < count;)
        {
            int run = Math.Min(count - i, g.OutputWidth - x);
            FillRow(operands, g, operands.Input + image * operands.InputStride, y, x, run, stride, taps + i);
            i += run;
            x = 0;
            if (++y < g.OutputHeight) continue;
            y = 0;
            image++;
        }

        for (int tap = 0; tap < g.Taps; tap++)
            for (int i = count; i < stride; i++)
                taps[tap * stride + i] = taps[tap * stride + count - 1];
    }

    /// <summary>The part of a block that lies in one output row, <paramref name="run"/> pixels from column <paramref name="x"/> on.</summary>
    [MethodImpl(Jit.Kernel)]
    private static void FillRow(in ConvolutionOperands operands, in ConvolutionGeometry g, byte* image, int y, int x, int run, int stride, byte** taps)
    {
        byte* padding = operands.Padding;
        int pixelBytes = operands.InputPixelBytes, step = g.Stride, shift = g.Upsample - 1, width = g.SeenWidth;
        int top = y * step - g.PaddingTop, left = x * step - g.PaddingLeft;
        for (int row = top; row < top + g.KernelSize; row++)
        {
            bool inside = (uint)row < (uint)g.SeenHeight;
            byte* line = image + (long)(row >> shift) * g.InputWidth * pixelBytes;
            for (int column = left; column < left + g.KernelSize; column++, taps += stride)
            {
                // The pixels from..to of the run read the map, those before and after read padding.
                int from = inside ? Math.Clamp((step - 1 - column) / step, 0, run) : run, to = inside ? Math.Clamp((width - column + step - 1) / step, from, run) : run, i = 0;
                for (; i < from; i++) taps[i] = padding;
                int c = column + from * step;
                if (shift == 0)
                    for (byte* pixel = line + c * pixelBytes; i < to; i++, pixel += step * pixelBytes) taps[i] = pixel;
                else
                    for (; i < to; i++, c += step) taps[i] = line + (c >> shift) * pixelBytes;
                for (; i < run; i++) taps[i] = padding;
            }
        }
    }
}
