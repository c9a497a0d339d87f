using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>Rows of a table by number, plus a row for each position. An item is a token of one image.</summary>
internal unsafe struct LookUpWork : IWork
{
    public int Tokens, Channels, Rows;
    /// <summary>In FP32, or in FP16.</summary>
    public byte* Table;
    public bool IsHalf;
    public float* Positions;
    public byte* Ids, Y;
    public long IdsStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Tokens, token = item % Tokens;
            // The numbers come from outside: one that is no row must not leave the table.
            float id = ((float*)(Ids + image * IdsStride))[token];
            int row = id >= 0 && id < Rows ? (int)id : 0;
            long first = (long)row * Channels;
            float* p = Positions + (long)token * Channels, y = (float*)(Y + image * YStride) + (long)token * Channels;
            for (int c = 0; c < Channels; c++) y[c] = (IsHalf ? Halves.Widen(((ushort*)Table)[first + c]) : ((float*)Table)[first + c]) + p[c];
        }
    }
}

/// <summary>The nearest row of a codebook. An item is a pixel of one image. Distances are sums of squares in FP32, channels in order; of equals the first row.</summary>
internal unsafe struct NearestWork : IWork
{
    public int Pixels, Channels, Rows;
    public float* Codebook;
    public byte* X, Y;
    public long XStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
        {
            int image = item / Pixels;
            long first = item % Pixels * (long)Channels;
            float* x = (float*)(X + image * XStride) + first, best = Codebook;
            float least = float.PositiveInfinity;
            for (int row = 0; row < Rows; row++)
            {
                float* code = Codebook + (long)row * Channels;
                float distance = 0;
                for (int c = 0; c < Channels; c++) distance = MathF.FusedMultiplyAdd(x[c] - code[c], x[c] - code[c], distance);
                if (distance >= least) continue;
                least = distance;
                best = code;
            }

            new ReadOnlySpan<float>(best, Channels).CopyTo(new Span<float>((float*)(Y + image * YStride) + first, Channels));
        }
    }
}

/// <summary>One pixel of a map, by the number that another holds there. An item is an image.</summary>
internal unsafe struct SelectWork : IWork
{
    public int Pixels, Channels, Id;
    public byte* X, Ids, Y;
    public long XStride, IdsStride, YStride;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (int image = begin; image < end; image++)
        {
            int pixel = Math.Max(0, new ReadOnlySpan<float>(Ids + image * IdsStride, Pixels).IndexOf(Id));
            new ReadOnlySpan<float>((float*)(X + image * XStride) + (long)pixel * Channels, Channels).CopyTo(new Span<float>(Y + image * YStride, Channels));
        }
    }
}
