using Specializer.Threading;

namespace Specializer.Kernels;

/// <summary>First pass of a group normalisation. An item is a row of one image.</summary>
internal unsafe struct GroupNormSums : IWork
{
    public int Height, Width, Channels, SkipChannels;
    public byte* X, Skip;
    public long XStride, SkipStride;
    /// <summary>[image][row][2][channels of both maps].</summary>
    public double* Sums;

    public readonly void Execute(int begin, int end, int worker)
    {
        int all = Channels + SkipChannels;
        for (int item = begin; item < end; item++)
        {
            int image = item / Height, row = item % Height;
            double* sums = Sums + (long)item * 2 * all;
            GroupNorm.SumRow((float*)(X + image * XStride) + (long)row * Width * Channels, Width, Channels, sums, sums + all);
            if (SkipChannels != 0)
                GroupNorm.SumRow((float*)(Skip + image * SkipStride) + (long)row * Width * SkipChannels, Width, SkipChannels, sums + Channels, sums + all + Channels);
        }
    }
}

/// <summary>Second pass. An item is a group of one image.</summary>
internal unsafe struct GroupNormStatistics : IWork
{
    public int Height, Width, Channels, Groups;
    public float Epsilon;
    public double* Sums;
    public float* Gamma, Beta;
    /// <summary>[image][2][channels]: factors, then offsets.</summary>
    public float* Maps;

    public readonly void Execute(int begin, int end, int worker)
    {
        int count = Channels / Groups;
        for (int item = begin; item < end; item++)
        {
            int image = item / Groups, group = item % Groups;
            float* factor = Maps + (long)image * 2 * Channels;
            GroupNorm.Statistics(Sums + (long)image * Height * 2 * Channels, Height, Width, Channels, group * count, count, Epsilon, Gamma, Beta, factor, factor + Channels);
        }
    }
}

/// <summary>Third pass over one map. An item is a row of one image.</summary>
internal unsafe struct GroupNormApply : IWork
{
    public int Height, Width;
    /// <summary>Channels of both maps, and where this map's begin among them.</summary>
    public int AllChannels, FirstChannel;
    public bool Silu;
    public byte* X;
    public long XStride;
    public float* Maps;
    public PixelSink Result;

    public readonly void Execute(int begin, int end, int worker)
    {
        int channels = Result.Channels;
        for (int item = begin; item < end; item++)
        {
            int image = item / Height, row = item % Height;
            float* factor = Maps + (long)image * 2 * AllChannels + FirstChannel, offset = factor + AllChannels;
            for (int pixel = row * Width, count; pixel < (row + 1) * Width; pixel += count)
            {
                count = Math.Min(Result.Block, (row + 1) * Width - pixel);
                GroupNorm.Apply((float*)(X + image * XStride) + (long)pixel * channels, Result.Take(image, pixel, worker), count, channels, factor, offset, Silu);
                Result.Put(image, pixel, count, worker);
            }
        }
    }
}
