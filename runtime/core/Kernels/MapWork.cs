using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>y = x·(1 + s[c]) + b[c], or y = x + b[c]. An item is a pixel of one image.</summary>
internal unsafe struct ScaleShiftWork : IWork
{
    public int Pixels, Channels;
    /// <summary>Whether s stands before b.</summary>
    public bool Scales;
    public byte* X, Y, Vectors;
    public long XStride, YStride, VectorsStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Pixels;
            long first = item % Pixels * (long)Channels;
            float* x = (float*)(X + image * XStride) + first, y = (float*)(Y + image * YStride) + first;
            var s = (float*)(Vectors + image * VectorsStride);
            if (Scales)
                for (int c = 0; c < Channels; c++) y[c] = MathF.FusedMultiplyAdd(x[c], 1 + s[c], s[Channels + c]);
            else
                for (int c = 0; c < Channels; c++) y[c] = x[c] + s[c];
        }
    }
}

/// <summary>y = scale·x + offset. An item is a pixel of one image.</summary>
internal unsafe struct LinearMapWork : IWork
{
    public int Pixels, Channels;
    public float Scale, Offset;
    public byte* X, Y;
    public long XStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Pixels;
            long first = item % Pixels * (long)Channels;
            float* x = (float*)(X + image * XStride) + first, y = (float*)(Y + image * YStride) + first;
            for (int c = 0; c < Channels; c++) y[c] = MathF.FusedMultiplyAdd(x[c], Scale, Offset);
        }
    }
}

/// <summary>Averages 2×2 pixels, rows first, or repeats each pixel 2×2. An item is an output pixel of one image.</summary>
internal unsafe struct ResampleWork : IWork
{
    public int Height, Width, Channels;
    public bool Halve;
    public byte* X, Y;
    public long XStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        int pixels = Height * Width, inputWidth = Halve ? 2 * Width : Width / 2;
        for (int item = begin; item < end; item++)
        {
            int image = item / pixels, row = item % pixels / Width, column = item % Width;
            var source = (float*)(X + image * XStride);
            float* y = (float*)(Y + image * YStride) + (long)(item % pixels) * Channels;
            float* x = source + ((long)(Halve ? 2 * row : row / 2) * inputWidth + (Halve ? 2 * column : column / 2)) * Channels;
            float* below = x + (long)inputWidth * Channels;
            for (int c = 0; c < Channels; c++) y[c] = Halve ? 0.25f * (x[c] + x[Channels + c] + (below[c] + below[Channels + c])) : x[c];
        }
    }
}
