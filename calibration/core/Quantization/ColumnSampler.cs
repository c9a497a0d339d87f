namespace Specializer.Calibration;

/// <summary>Geometry of a convolution's input columns, in the runtime's terms (<see cref="IConvolutionShape"/>).</summary>
internal readonly record struct ColumnShape(
    int InputHeight, int InputWidth, int InputChannels, int OutputHeight, int OutputWidth, int KernelSize, int Stride, int PaddingTop, int PaddingLeft, int Upsample)
{
    /// <summary>Length of a column.</summary>
    public int Size => KernelSize * KernelSize * InputChannels;

    /// <summary>Writes the input column of one output pixel, in weight order [kernel row, kernel column, input channel]; zero where it reads padding.</summary>
    /// <param name="map">One image, NHWC.</param>
    /// <param name="pixel">Output pixel, row-major.</param>
    /// <param name="column">Size floats.</param>
    public void Gather(ReadOnlySpan<float> map, int pixel, Span<float> column)
    {
        int top = pixel / OutputWidth * Stride - PaddingTop, left = pixel % OutputWidth * Stride - PaddingLeft;
        // What upsampling makes of the input has the output's size.
        var (height, width) = Upsample == 1 ? (InputHeight, InputWidth) : (OutputHeight, OutputWidth);
        for (int i = 0; i < KernelSize; i++)
        {
            for (int j = 0; j < KernelSize; j++, column = column[InputChannels..])
            {
                int y = top + i, x = left + j;
                if (y < 0 || x < 0 || y >= height || x >= width)
                    column[..InputChannels].Clear();
                else
                    map.Slice((y / Upsample * InputWidth + x / Upsample) * InputChannels, InputChannels).CopyTo(column);
            }
        }
    }
}

/// <summary>Chooses at most <see cref="MaximumColumns"/> input columns of a layer over all steps and images of a calibration, and nothing else decides:
/// not the batch, not the order of the calls.</summary>
/// <param name="seed">Seed of the calibration.</param>
/// <param name="steps">Steps of the schedule.</param>
/// <param name="images">Images evaluated in each step.</param>
internal readonly struct ColumnSampler(ulong seed, int steps, long images)
{
    /// <summary>Most columns per layer.</summary>
    public const int MaximumColumns = 65_536;

    // As many as a layer of 1,152 elements (9 taps of 128 channels) has with all columns.
    private const long Products = MaximumColumns * 1152L * 1152;
    private const int ColumnsPerElement = 6;

    private readonly Draws _draws = new(seed, DrawPurpose.Columns);

    /// <summary>Most columns that moments are made of: the square of a block's length is what each costs, and several for each of its elements are enough.</summary>
    /// <param name="size">Length of a column.</param>
    public static int Most(int size)
    {
        long block = ColumnMoments.Sizes(size).Max();
        return (int)Math.Min(MaximumColumns, Math.Max(ColumnsPerElement * block, Products / (block * block)));
    }

    /// <summary>How many <see cref="Choose"/> chooses of some pairs (image, step), those of an image one behind the other.</summary>
    /// <param name="first">First pair: image times steps plus step.</param>
    /// <param name="end">Pair after the last.</param>
    /// <param name="pixels">Output pixels of the layer.</param>
    /// <param name="most">Columns to share among all steps and images.</param>
    public long Count(long first, long end, int pixels, int most = MaximumColumns)
    {
        UInt128 pairs = (UInt128)(ulong)steps * (ulong)images;
        // Shares differ by one at most: either each is cut to what the map has, or none is.
        return (uint)most / pairs >= (uint)pixels ? (end - first) * pixels : (long)((UInt128)(ulong)end * (uint)most / pairs - (UInt128)(ulong)first * (uint)most / pairs);
    }

    /// <summary>The output pixels of one layer to sample at this step of this image.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="step">0 to steps − 1.</param>
    /// <param name="image">0 to images − 1.</param>
    /// <param name="pixels">Output pixels of the layer.</param>
    /// <param name="most">Columns to share among all steps and images.</param>
    public int[] Choose(int layer, int step, long image, int pixels, int most = MaximumColumns)
    {
        // The pairs (image, step) share the columns evenly: pair p takes those between two multiples of maximum/pairs.
        UInt128 pairs = (UInt128)(ulong)steps * (ulong)images;
        UInt128 pair = (UInt128)(ulong)image * (ulong)steps + (ulong)step;
        int count = Math.Min((int)((pair + 1) * (uint)most / pairs - pair * (uint)most / pairs), pixels);
        var chosen = new int[count];
        // One pixel from each of `count` equal stretches: no pixel twice, the whole map covered.
        for (int i = 0; i < count; i++)
        {
            int from = (int)((long)i * pixels / count), to = (int)((long)(i + 1) * pixels / count);
            chosen[i] = from + _draws.Below(to - from, (uint)image, (uint)(layer << 16 | step), (uint)i);
        }

        return chosen;
    }
}
